"""Opens a trained encoder by what a user names: a run, an export with a file for Keras, or a `.keras` file."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import keras

from aag_tf.encoders.keras_files import UnreadableModelError, load_keras_file
from aag_tf.runs.checkpoints.manifest import MANIFEST_FILE
from aag_tf.runs.exported import read_metadata
from aag_tf.runs.run import load_run
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.runs.weight_sources import EXPORT, MODEL, RUN, WeightSource
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.stores import named


@dataclasses.dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained encoder, and what is known of it.

    Args:
        encoder: images to embeddings, in float32.
        facts: `source`, `kind`, `sha256` and where known `step`, for records.
        record: of the run that trained it, where known.
        projector: of that run.
    """

    encoder: keras.Model
    facts: dict[str, Any]
    record: RunRecord | None = None
    projector: keras.Model | None = None


def open_pretrained(source: WeightSource) -> Pretrained:
    """Opens a source of kind `run`, `export` or `model`.

    Of a run its newest checkpoint is taken, with averaged weights where the run kept an average.

    Raises:
        AagError: it cannot be read, needs code or classes that are not registered, or has no file for Keras.
    """
    assert source.path is not None
    if source.kind == RUN:
        run = load_run(source.name)
        manifest = RunDirectory(source.name).checkpoints / f"step-{run.step}" / MANIFEST_FILE
        facts = source_facts(source, manifest) | {"step": run.step}
        return Pretrained(run.encoder, facts, run.record, run.projector)
    if source.kind == EXPORT:
        metadata = read_metadata(source.path)
        if "keras" not in metadata.formats:
            raise ConfigError(
                f"--init_from={source.name} is an export without a file for Keras; export the run again with "
                "--formats=keras, or name the run itself."
            )
        file = source.path / metadata.formats["keras"]
        return Pretrained(_load(source, file), source_facts(source, file) | {"step": metadata.step}, metadata.record)
    assert source.kind == MODEL
    return Pretrained(_load(source, source.path), source_facts(source, source.path))


def source_facts(source: WeightSource, file: Path) -> dict[str, Any]:
    """Returns what a record says of a source; `file` is the one whose digest stands for it."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"source": source.name, "kind": source.kind, "sha256": digest}


def _load(source: WeightSource, file: Path) -> keras.Model:
    try:
        return load_keras_file(file)
    except UnreadableModelError as error:
        shown = "" if source.kind == MODEL else f" (its {named(file)})"
        raise ConfigError(f"--init_from={source.name}{shown} {error}.") from error
