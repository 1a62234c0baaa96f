"""Writes a SavedModel, and beside it the metadata for programs and the model card for people."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

from aag_tf import config as configs
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.export.model_card import model_card
from aag_tf.export.signatures import Signature
from aag_tf.runs.exported import CARD_FILE, FORMAT, FORMAT_VERSION, METADATA_FILE, SIGNATURE
from aag_tf.runs.run import TrainedRun
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.versions import versions


def write_saved_model(directory: Path, resources: list[Any], signatures: dict[str, Signature]) -> None:
    """Writes the signatures; plain TensorFlow can load them.

    Args:
        directory: to fill.
        resources: what owns the weights that the signatures use: Keras models, TensorFlow modules.
        signatures: by name; the first is `serving_default`.
    """
    archive = keras.export.ExportArchive()
    for resource in resources:
        archive.track(resource)
    for name, signature in signatures.items():
        # Keras writes the endpoint called "serve" a second time as `serving_default`.
        endpoint = "serve" if name == SIGNATURE else name
        archive.add_endpoint(endpoint, signature.function, input_signature=[signature.inputs])
    archive.write_out(str(directory), verbose=False)


def metadata_of(
    run: TrainedRun,
    version: int,
    signatures: dict[str, Signature],
    weights: str,
    evaluation: dict[str, Any] | None,
) -> dict[str, Any]:
    """What there is to know of an exported encoder: enough to use it, to judge it and to train it again.

    Args:
        run: the encoder.
        version: its number.
        signatures: by name.
        weights: the type in which kernels are stored.
        evaluation: see `evaluation_of`.
    """
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "method": "AAG: contrastive pre-training with an auxiliary augmentation branch and the GNT-Xent loss",
        "version": version,
        "dataset": run.config.data.dataset,
        "class_names": run.class_names,
        "step": run.step,
        "image_shape": list(run.image_shape),
        "embedding_dim": run.encoder.output_shape[-1],
        "weights": weights,
        "signatures": {name: signature.description for name, signature in signatures.items()},
        "evaluation": evaluation,
        "flags": configs.to_flat(run.config),
        "own_encoder": run.own_encoder,
        "num_train_images": run.num_train_images,
        "fingerprint": run.fingerprint,
        "versions": versions(),
    }


def evaluation_of(run_dir: str, step: int) -> dict[str, Any] | None:
    """What `aag-evaluate` measured on this step of the run: its data, settings and results; `None` if it did not.

    Raises:
        EvaluationError: its report is damaged, or of another version.
    """
    if not RunDirectory(run_dir).evaluation.exists():
        return None
    saved = read_evaluation(run_dir)
    if saved.subject.get("step") != step:
        return None
    results = [dataclasses.asdict(result) for result in saved.results]
    return {"data": saved.data, "settings": saved.settings, "results": results}


def write_metadata(directory: Path, metadata: dict[str, Any]) -> None:
    """Writes `model.json` and `model_card.md` into a version directory that is not published yet."""
    (directory / METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
    (directory / CARD_FILE).write_text(model_card(metadata), encoding="utf-8")
