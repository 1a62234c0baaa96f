"""A run's encoder to a version that TensorFlow Serving can take: written aside, proved, then published by a rename."""

import dataclasses
from pathlib import Path

import numpy as np

from aag_tf.config import ExportConfig
from aag_tf.data import open_source
from aag_tf.errors import ExportError
from aag_tf.export.publishing import plan_version, staged
from aag_tf.export.saved_model import metadata_of, write_metadata, write_saved_model
from aag_tf.export.verify import VERIFY_IMAGES, Verification, verify
from aag_tf.saved_model import INPUT, OUTPUT, SIGNATURE
from aag_tf.trained import TrainedRun, load_run


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What was published.

    Args:
        path: the version directory.
        run_dir: the run that the encoder comes from.
        step: optimizer steps that it was trained for.
        image_shape: (height, width, channels) of the images it takes.
        embedding_dim: numbers in an embedding.
        verification: `None` where it was not asked for.
    """

    path: Path
    run_dir: str
    step: int
    image_shape: tuple[int, int, int]
    embedding_dim: int
    verification: Verification | None

    def __str__(self) -> str:
        """What was written, how it is called and how it was proved, a line each."""
        height, width, channels = self.image_shape
        signature = (
            f"{SIGNATURE}: {INPUT} uint8 [None, {height}, {width}, {channels}] -> "
            f"{OUTPUT} float32 [None, {self.embedding_dim}]"
        )
        return (
            f"Exported {self.run_dir}, step {self.step}, to {self.path}\n"
            f"  signature  {signature}\n"
            f"  verified   {self.verification or 'no, as asked for'}"
        )


def export(config: ExportConfig) -> ExportReport:
    """Writes the newest checkpoint's encoder to `<export_dir>/<version>/`, with `model.json` inside.

    Raises:
        RunDirectoryError: there is no trained run.
        DataError: the run's data set, whose images the export is verified with, cannot be opened.
        ExportError: the directory cannot be written, the version exists, or the reloaded model fails its proof.
            Nothing has been published then.
    """
    run = load_run(config.run_dir)
    target = plan_version(Path(config.export_dir).expanduser(), config.version, overwrite=config.overwrite)
    images = _real_images(run) if config.verify else None
    with staged(target, overwrite=config.overwrite) as directory:
        write_saved_model(directory, run.encoder, run.image_shape)
        verification = None if images is None else verify(directory, run.encoder, images)
        proof = None if verification is None else dataclasses.asdict(verification)
        write_metadata(directory, metadata_of(run, int(target.name), proof))
    dim = run.encoder.output_shape[-1]
    return ExportReport(target, config.run_dir, run.step, run.image_shape, dim, verification)


def _real_images(run: TrainedRun) -> np.ndarray:
    """Some images of the run's data set, unseen ones where there are any: uint8 [n, h, w, c]."""
    source = open_source(run.config.data)
    if tuple(source.image_shape) != tuple(run.image_shape):
        raise ExportError(
            f"{source.name} now has images of shape {list(source.image_shape)} and the run was trained on "
            f"{list(run.image_shape)}; restore the data set, or export with --noverify."
        )
    images = (source.test or source.validation or source.train).images
    return images.numpy(np.arange(min(VERIFY_IMAGES, len(images))))
