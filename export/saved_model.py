"""Writes the SavedModel of a version, and beside it `model.json` for programs and `model_card.md` for people."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.export.model_card import model_card
from aag_tf.export.signatures import Signature
from aag_tf.runs.exported import CARD_FILE, METADATA_FILE, SIGNATURE, ExportMetadata
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.literal import literal


def write_saved_model(directory: Path, resources: list[Any], signatures: dict[str, Signature]) -> None:
    """Writes signatures as a SavedModel that plain TensorFlow loads.

    Args:
        directory: to fill.
        resources: owners of the weights that the signatures use: Keras models, TensorFlow modules.
        signatures: by name; the first is `serving_default`.
    """
    archive = keras.export.ExportArchive()
    for resource in resources:
        archive.track(resource)
    for name, signature in signatures.items():
        # Keras writes the endpoint called "serve" a second time as `serving_default`.
        endpoint = "serve" if name == SIGNATURE else name
        archive.add_endpoint(endpoint, signature.function, input_signature=[signature.inputs])
    with literal(directory) as writable:
        archive.write_out(str(writable), verbose=False)


def evaluation_of(run_dir: str, step: int) -> dict[str, Any] | None:
    """Returns data, settings and results that `aag-evaluate` saved for this step of a run, `None` without them.

    Raises:
        EvaluationError: the saved evaluation is damaged, or of another version.
    """
    if not RunDirectory(run_dir).evaluation.exists():
        return None
    saved = read_evaluation(run_dir)
    if saved.subject.get("step") != step:
        return None
    results = [dataclasses.asdict(result) for result in saved.results]
    return {"data": saved.data, "settings": saved.settings, "results": results}


def write_metadata(directory: Path, metadata: ExportMetadata) -> None:
    """Writes `model.json` and `model_card.md`."""
    (directory / METADATA_FILE).write_text(json.dumps(metadata.to_json(), indent=2) + "\n", encoding="utf-8")
    (directory / CARD_FILE).write_text(model_card(metadata), encoding="utf-8")
