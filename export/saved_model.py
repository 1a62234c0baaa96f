"""Writes the SavedModel of a version, and beside it `model.json` for programs and `model_card.md` for people."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

from aag_tf.config import ExportConfig
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.export.model_card import model_card
from aag_tf.export.publishing import recover
from aag_tf.export.signatures import Signature
from aag_tf.preflight.export import plan_version
from aag_tf.runs.export_directory import METADATA_FILE
from aag_tf.runs.exported import CARD_FILE, SIGNATURE, ExportMetadata
from aag_tf.runs.model_loading import operations_beyond_computing
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.literal import is_pattern, literal
from aag_tf.utils.log import logger
from aag_tf.utils.stores import is_store, local_path, named


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


def evaluation_of(run_dir: str, step: int, embed_views: int = 1) -> dict[str, Any] | None:
    """Returns data, settings and results that `aag-evaluate` saved for this step of a run, `None` without them.

    An evaluation of another number of views says nothing about the export, and is left out with a line.

    Raises:
        EvaluationError: the saved evaluation is damaged, or of another version.
    """
    if not RunDirectory(run_dir).evaluation.exists():
        return None
    saved = read_evaluation(run_dir)
    if saved.subject.get("step") != step:
        return None
    if saved.embed_views != embed_views:
        logger.warning(
            "%s is of --embed_views=%s and the export of --embed_views=%s, whose metrics are others, so the model card "
            "has none; evaluate the run as it is exported before.",
            named(RunDirectory(run_dir).evaluation),
            saved.embed_views,
            embed_views,
        )
        return None
    results = [dataclasses.asdict(result) for result in saved.results]
    return {"data": saved.data, "settings": saved.settings, "results": results}


def version_to_write(config: ExportConfig) -> Path:
    """Returns the directory of the version that an export writes, after what a killed export left has been mended.

    Raises:
        ExportError: the directory cannot be written, or the version exists.
    """
    if not config.dry_run:
        recover(local_path(config.export_dir))
    target = plan_version(config.export_dir, config.version, overwrite=config.overwrite)
    _warn_of_pattern(config.export_dir, target)
    return target


def _warn_of_pattern(export_dir: str, target: Path) -> None:
    """Says where other programs may not read a version, because TensorFlow takes its path for a pattern."""
    if is_pattern(target.absolute()) and not is_store(export_dir):
        logger.warning(
            "%s is a pattern to TensorFlow: this package reads an export there, and tf.saved_model.load and TensorFlow "
            "Serving may not; for these, name an --export_dir without [ ] * ? { } and backslashes.",
            target.absolute(),
        )


def warn_of_other_operations(directory: Path, model: str, users: str) -> None:
    """Says where a SavedModel needs to be trusted.

    Args:
        directory: of the SavedModel.
        model: what it is.
        users: the commands, with the verb, that take it with --trust_model only.
    """
    found = ", ".join(operations_beyond_computing(directory))
    if found:
        logger.warning("The %s does more than compute (%s), so %s it with --trust_model only.", model, found, users)


def signature_lines(signatures: dict[str, dict[str, Any]]) -> list[str]:
    """Returns a line for people about each signature of a `model.json`."""

    def tensors(described: dict[str, Any]) -> str:
        return ", ".join(f"{name} {tensor['dtype']} {tensor['shape']}" for name, tensor in described.items())

    return [
        f"  signature  {name}: {tensors(signature['inputs'])} -> {tensors(signature['outputs'])}"
        for name, signature in signatures.items()
    ]


def outcome_line(verification: object | None, *, dry_run: bool) -> str:
    """Returns the last line for people about an export: how it was verified, if it was; nothing is after a dry run."""
    if dry_run:
        return "  dry run    nothing was written"
    return f"  verified   {verification or 'no, as requested'}"


def write_metadata(directory: Path, metadata: ExportMetadata) -> None:
    """Writes `model.json` and `model_card.md`."""
    (directory / METADATA_FILE).write_text(json.dumps(metadata.to_json(), indent=2) + "\n", encoding="utf-8")
    (directory / CARD_FILE).write_text(model_card(metadata), encoding="utf-8")
