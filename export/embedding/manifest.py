"""The manifest of an output: what it says of itself; checked when it is read, since it may come from anybody.

It is written when a run begins (`input`, `model`, `settings`), again when the input is listed (`rows` and more in
`input`), and when all is done (`embedded`, `broken`).
"""

import json
from pathlib import Path
from typing import Any

from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.json_files import read_json_object

FORMAT = "aag_tf.embeddings"
FORMAT_VERSION = 1

# What is relied on from the beginning, by part; whole numbers are 1 or more.
BEGUN: dict[str, dict[str, type]] = {
    "input": {"kind": str, "source": str},
    "model": {"path": str, "digest": str, "image_shape": list, "embedding_dim": int},
    "settings": {"normalize": bool, "dtype": str, "numpy": bool, "shard_size": int},
}
MOST = 2**40  # of any of these numbers: what is more is no number of images
LISTED: dict[str, dict[str, type]] = {"input": {"rows": int, "digest": str}}


def write_manifest(file: Path, manifest: dict[str, Any]) -> None:
    """Writes a manifest, whole or not at all."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION} | manifest
    write_atomically(file, json.dumps(content, indent=2) + "\n")


def read_manifest(file: Path) -> dict[str, Any]:
    """A manifest that was written.

    Raises:
        EmbeddingError: there is none, or it is damaged or from another version.
    """
    try:
        manifest = read_json_object(file)
        if manifest.get("format") != FORMAT:
            raise EmbeddingError(f"{file} was not written by aag-embed; name a directory that it wrote.")
        if manifest.get("format_version") != FORMAT_VERSION:
            raise EmbeddingError(
                f"{file} has format version {manifest.get('format_version')} and this package reads {FORMAT_VERSION}; "
                "embed again with --overwrite, or install the package that wrote it."
            )
        _require(manifest, BEGUN)
        if "rows" in manifest["input"] or "embedded" in manifest:
            _require(manifest, LISTED)
        if "embedded" in manifest and not (type(manifest["embedded"]) is int and type(manifest.get("broken")) is list):
            raise ValueError("`embedded` and `broken` do not say how many images were embedded and which were not")
    except OSError as error:
        raise EmbeddingError(f"{file.parent} was not written by aag-embed: it has no {file.name}.") from error
    except ValueError as error:
        raise EmbeddingError(f"{file} is damaged ({error}); embed again with --overwrite.") from error
    return manifest


def _require(manifest: dict[str, Any], parts: dict[str, dict[str, type]]) -> None:
    """Raises ValueError where a fact is missing, or is none of its type."""
    for part, facts in parts.items():
        found = manifest.get(part)
        for name, kind in facts.items():
            value: Any = found.get(name) if isinstance(found, dict) else None
            if type(value) is not kind or (isinstance(value, int) and kind is int and not 1 <= value <= MOST):
                raise ValueError(f"{part}.{name} is {json.dumps(value)[:50]}")
