"""What a run is to do, and whether an earlier run was to do the same."""

from pathlib import Path
from typing import Any

from aag_tf.config import EmbedConfig
from aag_tf.runs import exported
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.versions import versions

SETTINGS = ("normalize", "dtype", "numpy", "shard_size")  # what a resumed run may not change


def make_plan(config: EmbedConfig, source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """What a run is to do: the first part of the manifest, and what a resumed run is compared with."""
    metadata = exported.read_metadata(directory)
    return {
        "input": source,
        "model": {
            "path": str(directory.absolute()),
            "digest": exported.digest(directory),
            "image_shape": metadata["image_shape"],
            "embedding_dim": metadata["embedding_dim"],
        },
        "settings": {name: getattr(config, name) for name in SETTINGS},
        "versions": versions(),
    }


def require_same(plan: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Refuses to continue an output with another input, encoder or setting.

    Raises:
        EmbeddingError: something differs; the message names it.
    """
    begun = manifest["input"]["source"]
    for name, value in plan["input"].items():
        if value != manifest["input"].get(name):
            what = "the list of paths has changed since" if name == "source_digest" else f"`{name}` is now {value}"
            raise EmbeddingError(
                f"--resume: this output was begun with the input {begun}, and {what}; give the same input, or another "
                "--output."
            )
    if plan["model"]["digest"] != manifest["model"]["digest"]:
        raise EmbeddingError(
            f"--resume: this output was begun with the encoder {manifest['model']['path']}, and "
            f"{plan['model']['path']} holds another; name the same with --saved_model, or another --output."
        )
    for name, value in plan["settings"].items():
        if value != manifest["settings"].get(name):
            raise EmbeddingError(
                f"--resume: this output was begun with --{name}={manifest['settings'].get(name)}, not "
                f"--{name}={value}; give the same, or another --output."
            )
