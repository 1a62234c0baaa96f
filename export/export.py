"""Exports a run's encoder as a version for TensorFlow Serving: written aside, verified, then published by a rename."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from aag_tf.config import ExportConfig
from aag_tf.config.embed_views import check_mirrored, views_note
from aag_tf.data import Source, open_source, skipped_before
from aag_tf.encoders import average_views, dtype_policy
from aag_tf.export import runtimes
from aag_tf.export.publishing import staged
from aag_tf.export.questions import Asker
from aag_tf.export.reduced import CostMeter, PrecisionCost, ReducedEncoder
from aag_tf.export.saved_model import (
    evaluation_of,
    outcome_line,
    signature_lines,
    version_to_write,
    warn_of_other_operations,
    write_metadata,
    write_saved_model,
)
from aag_tf.export.signatures import Networks, build_signatures
from aag_tf.export.verify import VERIFY_IMAGES, Verification, verify
from aag_tf.preflight.export import (
    choose_signatures,
    images_missing,
    impossible_signatures,
    without_images,
)
from aag_tf.runs.exported import EMBED_BYTES, ExportMetadata
from aag_tf.runs.run import load_run
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import ConfigError, DataError, ExportError
from aag_tf.utils.stores import named
from aag_tf.utils.text import Lines


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What was published, or with `dry_run` would have been.

    Args:
        path: the version directory.
        run_dir: the run of the encoder.
        metadata: the content of `model.json`.
        verification: `None` where it was switched off.
        precision_cost: effect of 16-bit kernels; `None` for float32.
        left_out: signatures that the run's images do not allow and that users look for, each with the reason.
        dry_run: nothing was written.
    """

    path: Path
    run_dir: str
    metadata: ExportMetadata
    verification: Verification | None = None
    precision_cost: PrecisionCost | None = None
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    dry_run: bool = False

    @property
    def step(self) -> int:
        """Optimizer steps that the weights have seen."""
        return self.metadata.step

    def __str__(self) -> str:
        """Where it was written, its signatures and how it was verified, a line each."""
        verb = "Would export" if self.dry_run else "Exported"
        lines = [f"{verb} {self.run_dir}, step {self.step}, to {named(self.path)}"]
        lines += signature_lines(self.metadata.signatures)
        lines += [f"  left out   {name}: {reason}" for name, reason in self.left_out.items()]
        if self.metadata.embed_views > 1:
            lines.append(f"  views      {views_note(self.metadata.embed_views)}")
        if self.precision_cost is not None:
            lines.append(f"  precision  {self.precision_cost}")
        return str(Lines(*lines, outcome_line(self.verification, dry_run=self.dry_run)))


@dtype_policy("float32")
def export(config: ExportConfig) -> ExportReport:
    """Writes the encoder of a checkpoint to `<export_dir>/<version>/`, with `model.json` and `model_card.md`.

    With `config.dry_run` everything that needs no writing is checked, and nothing is written.

    Raises:
        ConfigError: a classifier is named, which `export_classifier` exports.
        RunDirectoryError: there is no trained run.
        EvaluationError: the run's `evaluation.json` is damaged, or of another version.
        ConfigError: the encoder has classes that Keras alone does not have, and a file for Keras is asked for; or views
            are mirrored, and the training did without flips.
        DataError: the run's data set, whose images verify the export, cannot be opened.
        ExportError: the directory cannot be written, the version exists, or the reloaded model fails its
            verification. Nothing has been published then.
    """
    if config.classifier is not None:
        raise ConfigError(f"classifier={config.classifier} is exported by export_classifier, not by export.")
    for name in config.format_names:
        runtimes.check_installed(name)
    target = version_to_write(config)
    run = load_run(config.run_dir, config.checkpoint)
    check_mirrored(config.embed_views, flip=run.record.config.augment.flip)
    if "keras" in config.format_names:
        run.keras_encoder()  # early: an encoder with classes of its own is refused
    # Early: a damaged one would make all further work useless.
    evaluation = evaluation_of(config.run_dir, run.step, config.embed_views)
    source = _open_source(config, run.record) if config.verify or config.weights != "float32" else None
    encoder, cost = _with_stored_weights(run.encoder, config, source)
    networks = Networks(
        encoder=average_views(lambda images: encoder(images, training=False), config.embed_views),
        projector=lambda embedding: run.projector(embedding, training=False),
        image_shape=run.record.image_shape,
        dim=run.encoder.output_shape[-1],
        projection_dim=run.projector.output_shape[-1],
        max_pixels=config.max_pixels,
        reading=run.record.reading,
    )
    signatures = build_signatures(choose_signatures(config, run.record), networks)
    metadata = ExportMetadata(
        record=run.record,
        version=int(target.name),
        step=run.step,
        embedding_dim=networks.dim,
        weights=config.weights,
        embed_views=config.embed_views,
        signatures={name: signature.description for name, signature in signatures.items()},
        evaluation=evaluation,
        precision_cost=None if cost is None else dataclasses.asdict(cost),
    )
    if config.dry_run:
        return ExportReport(
            target, config.run_dir, metadata, precision_cost=cost, left_out=_left_out(config, run.record), dry_run=True
        )
    verification = None
    with staged(target, overwrite=config.overwrite) as directory:
        write_saved_model(directory, [encoder, run.projector], signatures)
        warn_of_other_operations(directory, "encoder", "aag-evaluate, aag-embed and aag-search take")
        files = {name: runtimes.convert(name, directory, run.encoder) for name in config.format_names}
        if config.verify and source is not None:
            asker = Asker(_images(source), run.record.reading, config.max_pixels)
            questions = {name: asker.ask(name) for name in signatures}
            embed = average_views(run.encoder, config.embed_views)
            verification = verify(directory, embed, run.projector, questions, formats=tuple(files))
        metadata = dataclasses.replace(
            metadata,
            formats={name: str(file.relative_to(directory)) for name, file in files.items()},
            verification=None if verification is None else dataclasses.asdict(verification),
        )
        write_metadata(directory, metadata)
    return ExportReport(target, config.run_dir, metadata, verification, cost, _left_out(config, run.record))


def _left_out(config: ExportConfig, record: RunRecord) -> dict[str, str]:
    """Returns why `embed_bytes`, which is looked for, is not among the signatures by default."""
    if config.signatures is not None:
        return {}
    return {name: reason for name, reason in impossible_signatures(record).items() if name == EMBED_BYTES}


def _with_stored_weights(
    encoder: keras.Model, config: ExportConfig, source: Source | None
) -> tuple[keras.Model | ReducedEncoder, PrecisionCost | None]:
    """Returns the network to write, and what its 16-bit kernels cost; rounds the encoder's kernels in place."""
    if config.weights == "float32":
        return encoder, None
    assert source is not None  # opened to measure the cost
    meter = CostMeter(encoder, source, config.embed_views)
    return ReducedEncoder(encoder, config.weights), meter.cost(config.weights)


def _open_source(config: ExportConfig, record: RunRecord) -> Source:
    try:
        with skipped_before(RunDirectory(config.run_dir).read_skipped()):
            source = open_source(record.same_reading(record.config.data))
    except DataError as error:
        raise images_missing(error, config, record.config.data) from error
    if tuple(source.image_shape) != record.image_shape:
        raise ExportError(
            f"{source.name} now has images of shape {list(source.image_shape)} and the run was trained on "
            f"{list(record.image_shape)}; restore the data set, or export with "
            f"{without_images(config)}."
        )
    return source


def _images(source: Source) -> np.ndarray:
    """Returns images to verify with, held-out ones where possible: uint8 [n, h, w, c]."""
    images = (source.test or source.validation or source.train).images
    return images.numpy(np.arange(min(VERIFY_IMAGES, len(images))))
