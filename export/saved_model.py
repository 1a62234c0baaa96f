"""Writes a SavedModel and the metadata beside it."""

import json
from pathlib import Path
from typing import Any

import keras

from aag_tf import config as configs
from aag_tf.export.signatures import ImageShape, describe, input_spec, serving_function
from aag_tf.saved_model import FORMAT, FORMAT_VERSION, METADATA_FILE
from aag_tf.trained import TrainedRun
from aag_tf.versions import versions


def write_saved_model(directory: Path, encoder: keras.Model, image_shape: ImageShape) -> None:
    """Writes the encoder with its `serving_default` signature; plain TensorFlow can load it."""
    archive = keras.export.ExportArchive()
    archive.track(encoder)
    # Keras writes the endpoint called "serve" a second time as `serving_default`.
    archive.add_endpoint("serve", serving_function(encoder, image_shape), input_signature=[input_spec(image_shape)])
    archive.write_out(str(directory), verbose=False)


def metadata_of(run: TrainedRun, version: int, verification: dict[str, Any] | None) -> dict[str, Any]:
    """What there is to know of an exported encoder: enough to use it, to judge it and to train it again."""
    dim = run.encoder.output_shape[-1]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "method": "AAG: contrastive pre-training with an auxiliary augmentation branch and the GNT-Xent loss",
        "version": version,
        "dataset": run.config.data.dataset,
        "class_names": run.class_names,
        "step": run.step,
        "image_shape": list(run.image_shape),
        "embedding_dim": dim,
        "signatures": describe(run.image_shape, dim),
        "flags": configs.to_flat(run.config),
        "versions": versions(),
        "verification": verification,
    }


def write_metadata(directory: Path, metadata: dict[str, Any]) -> None:
    """Writes `model.json` into a version directory that is not published yet."""
    (directory / METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
