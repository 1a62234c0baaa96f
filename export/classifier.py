"""Exports a fine-tuned classifier as a version for TensorFlow Serving, in the same way as an encoder."""

import dataclasses
import json
from pathlib import Path

from aag_tf.config import ExportConfig
from aag_tf.encoders import dtype_policy
from aag_tf.export.classifier_card import classifier_card
from aag_tf.export.classifier_signatures import ClassifierGraph, classifier_signatures, takes_files
from aag_tf.export.publishing import staged
from aag_tf.export.saved_model import (
    outcome_line,
    signature_lines,
    version_to_write,
    warn_of_other_operations,
    write_saved_model,
)
from aag_tf.export.verify import Verification
from aag_tf.export.verify_classifier import verify_classifier
from aag_tf.runs.classifier_files import open_classifier
from aag_tf.runs.export_directory import METADATA_FILE
from aag_tf.runs.exported import CARD_FILE
from aag_tf.runs.exported_classifier import CLASSIFY_BYTES, ClassifierMetadata
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import named
from aag_tf.utils.text import Lines


@dataclasses.dataclass(frozen=True)
class ClassifierReport:
    """What was published, or with `dry_run` would have been.

    Args:
        path: the version directory.
        classifier: the directory that it came from.
        metadata: the content of `model.json`.
        verification: `None` where it was switched off.
        dry_run: nothing was written.
    """

    path: Path
    classifier: str
    metadata: ClassifierMetadata
    verification: Verification | None = None
    dry_run: bool = False

    def __str__(self) -> str:
        """Where it was written, its signatures and how it was verified, a line each."""
        record = self.metadata.record
        verb = "Would export" if self.dry_run else "Exported"
        lines = [f"{verb} {self.classifier}, a classifier of {len(record.class_names)} classes, to {named(self.path)}"]
        lines += signature_lines(self.metadata.signatures)
        if not takes_files(record):
            reason = f"picture files hold 1 or 3 channels, and its images {record.image_shape[2]}"
            lines.append(f"  left out   {CLASSIFY_BYTES}: {reason}")
        return str(Lines(*lines, outcome_line(self.verification, dry_run=self.dry_run)))


@dtype_policy("float32")
def export_classifier(config: ExportConfig) -> ClassifierReport:
    """Writes a classifier to `<export_dir>/<version>/`, with `model.json` and `model_card.md`.

    With `config.dry_run` everything that needs no writing is checked, and nothing is written.

    Raises:
        ExportError: aag-finetune did not write the classifier, the directory cannot be written, the version exists, or
            the reloaded model fails its verification. Nothing has been published then.
    """
    assert config.classifier is not None
    target = version_to_write(config)
    classifier = open_classifier(user_path(config.classifier))
    model = classifier.model
    graph = ClassifierGraph(
        lambda pixels: model(pixels, training=False), classifier.record, classifier.dim, config.max_pixels
    )
    signatures = classifier_signatures(graph)
    metadata = ClassifierMetadata(
        record=classifier.record,
        version=int(target.name),
        embedding_dim=classifier.dim,
        signatures={name: signature.description for name, signature in signatures.items()},
    )
    if config.dry_run:
        return ClassifierReport(target, config.classifier, metadata, dry_run=True)
    verification = None
    with staged(target, overwrite=config.overwrite) as directory:
        write_saved_model(directory, [model], signatures)
        warn_of_other_operations(directory, "classifier", "aag-predict takes")
        if config.verify:
            verification = verify_classifier(directory, classifier, list(signatures), config.max_pixels)
            metadata = dataclasses.replace(metadata, verification=dataclasses.asdict(verification))
        (directory / METADATA_FILE).write_text(json.dumps(metadata.to_json(), indent=2) + "\n", encoding="utf-8")
        (directory / CARD_FILE).write_text(classifier_card(metadata), encoding="utf-8")
    return ClassifierReport(target, config.classifier, metadata, verification)
