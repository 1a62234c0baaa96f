"""A run's encoder to a version that TensorFlow Serving can take: written aside, proved, then published by a rename."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from aag_tf.config import ExportConfig
from aag_tf.data import Source, open_source
from aag_tf.export import runtimes
from aag_tf.export.publishing import plan_version, staged
from aag_tf.export.reduced import CostMeter, PrecisionCost, ReducedEncoder
from aag_tf.export.saved_model import evaluation_of, metadata_of, write_metadata, write_saved_model
from aag_tf.export.signatures import Exported, Signature, build_signatures
from aag_tf.export.verify import VERIFY_IMAGES, Verification, verify
from aag_tf.runs.run import TrainedRun, load_run
from aag_tf.utils.errors import ExportError
from aag_tf.utils.paths import user_path


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What was published, or with `dry_run` would have been.

    Args:
        path: the version directory.
        run_dir: the run that the encoder comes from.
        step: optimizer steps that it was trained for.
        metadata: the content of `model.json`.
        verification: `None` where it was not asked for.
        precision_cost: what 16-bit kernels change; `None` for float32.
        dry_run: nothing was written.
    """

    path: Path
    run_dir: str
    step: int
    metadata: dict[str, Any]
    verification: Verification | None = None
    precision_cost: PrecisionCost | None = None
    dry_run: bool = False

    def __str__(self) -> str:
        """What was written, how it is called and how it was proved, a line each."""
        verb = "Would export" if self.dry_run else "Exported"
        lines = [f"{verb} {self.run_dir}, step {self.step}, to {self.path}"]
        lines += [
            f"  signature  {name}: {_tensors(signature['inputs'])} -> {_tensors(signature['outputs'])}"
            for name, signature in self.metadata["signatures"].items()
        ]
        if self.precision_cost is not None:
            lines.append(f"  precision  {self.precision_cost}")
        if self.dry_run:
            lines.append("  dry run    nothing was written")
        else:
            lines.append(f"  verified   {self.verification or 'no, as asked for'}")
        return "\n".join(lines)


def export(config: ExportConfig) -> ExportReport:
    """Writes the encoder of a checkpoint to `<export_dir>/<version>/`, with `model.json` and `model_card.md`.

    With `config.dry_run` everything that needs no writing is checked, and nothing is written.

    Raises:
        RunDirectoryError: there is no trained run.
        EvaluationError: the run's `evaluation.json` is damaged, or of another version.
        DataError: the run's data set, whose images the export is verified with, cannot be opened.
        ExportError: the directory cannot be written, the version exists, or the reloaded model fails its proof.
            Nothing has been published then.
    """
    for name in config.format_names:
        runtimes.check_installed(name)
    target = plan_version(user_path(config.export_dir), config.version, overwrite=config.overwrite)
    run = load_run(config.run_dir, config.checkpoint)
    evaluation = evaluation_of(config.run_dir, run.step)  # before any work that a damaged one would make useless
    source = _open_source(run, config.weights) if config.verify or config.weights != "float32" else None
    encoder, cost = _network(run, config.weights, source)
    signatures = _signatures(run, encoder, config)
    metadata = metadata_of(run, int(target.name), signatures, config.weights, evaluation)
    metadata["precision_cost"] = None if cost is None else dataclasses.asdict(cost)
    report = ExportReport(target, config.run_dir, run.step, metadata, precision_cost=cost, dry_run=config.dry_run)
    if config.dry_run:
        return report
    verification = None
    with staged(target, overwrite=config.overwrite) as directory:
        write_saved_model(directory, [encoder, run.projector], signatures)
        files = {name: runtimes.convert(name, directory) for name in config.format_names}
        metadata["formats"] = {name: str(file.relative_to(directory)) for name, file in files.items()}
        if config.verify and source is not None:
            images = _real_images(source)
            verification = verify(
                directory, run.encoder, run.projector, images, signatures=tuple(signatures), formats=tuple(files)
            )
        metadata["verification"] = None if verification is None else dataclasses.asdict(verification)
        write_metadata(directory, metadata)
    return dataclasses.replace(report, verification=verification)


def _network(run: TrainedRun, weights: str, source: Source | None) -> tuple[Any, PrecisionCost | None]:
    """What is written: the encoder itself, or with 16-bit kernels its stand-in, and what those cost."""
    if weights == "float32":
        return run.encoder, None
    assert source is not None  # opened to measure the cost
    meter = CostMeter(run.encoder, source)
    reduced = ReducedEncoder(run.encoder, weights)
    return reduced, meter.cost(weights)


def _signatures(run: TrainedRun, encoder: Any, config: ExportConfig) -> dict[str, Signature]:
    def embed(images: Any) -> Any:
        return encoder(images) if isinstance(encoder, ReducedEncoder) else encoder(images, training=False)

    exported = Exported(
        encoder=embed,
        projector=lambda embedding: run.projector(embedding, training=False),
        image_shape=run.image_shape,
        dim=run.encoder.output_shape[-1],
        projection_dim=run.projector.output_shape[-1],
        max_pixels=config.max_pixels,
    )
    return build_signatures(config.signature_names, exported)


def _open_source(run: TrainedRun, weights: str) -> Source:
    source = open_source(run.config.data)
    if tuple(source.image_shape) != tuple(run.image_shape):
        # What 16 bits cost is measured on the data set too, verified or not.
        without = "--noverify" if weights == "float32" else "--weights=float32 --noverify"
        raise ExportError(
            f"{source.name} now has images of shape {list(source.image_shape)} and the run was trained on "
            f"{list(run.image_shape)}; restore the data set, or export with {without}."
        )
    return source


def _real_images(source: Source) -> np.ndarray:
    """Some images of the run's data set, unseen ones where there are any: uint8 [n, h, w, c]."""
    images = (source.test or source.validation or source.train).images
    return images.numpy(np.arange(min(VERIFY_IMAGES, len(images))))


def _tensors(tensors: dict[str, Any]) -> str:
    return ", ".join(f"{name} {tensor['dtype']} {tensor['shape']}" for name, tensor in tensors.items())
