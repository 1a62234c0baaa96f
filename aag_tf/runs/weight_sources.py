"""What `--init_from` names: which kind of source, and where it lies; nothing is opened. Imports no TensorFlow."""

import contextlib
import dataclasses
import re
from pathlib import Path

from aag_tf.config import IMAGENET
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.environment import keras_file
from aag_tf.utils.errors import ConfigError, ExportError
from aag_tf.utils.stores import fetched, is_store

RUN, EXPORT, MODEL, WEIGHTS = "run", "export", "model", "weights"
WEIGHTS_SUFFIX = ".weights.h5"
KINDS = (
    "a run directory, an export, a file that ends in .keras or .weights.h5, ImageNet weights of Keras in a file that "
    "ends in .h5, or imagenet"
)


@dataclasses.dataclass(frozen=True)
class WeightSource:
    """Weights to start from.

    Args:
        name: as the user gave it.
        kind: `run`, `export`, `model` (a `.keras` file), `weights` (a `.weights.h5` file) or `imagenet`.
        path: the run directory, the version directory or the file; `None` for ImageNet weights that are not here.
    """

    name: str
    kind: str
    path: Path | None


def find_weights(name: str, encoder: str) -> WeightSource:
    """Finds out what a name stands for.

    Args:
        name: the value of `--init_from`.
        encoder: the value of `--encoder`, of which Keras may have ImageNet weights.

    Raises:
        ConfigError: there is no such thing.
        StoreError: it lies on a store that cannot be read.
    """
    if name == IMAGENET:
        return WeightSource(name, IMAGENET, cached_file(encoder, keras_file().parent / "models"))
    if name.endswith((".keras", ".h5")):
        file = fetched(name)
        if not file.is_file():
            raise ConfigError(f"--init_from={name} does not exist; name {KINDS}.")
        if name.endswith(".keras"):
            return WeightSource(name, MODEL, file)
        return WeightSource(name, WEIGHTS if name.endswith(WEIGHTS_SUFFIX) else IMAGENET, file)
    directory = RunDirectory(name)
    if not is_store(name) and not directory.path.exists():
        raise ConfigError(f"--init_from={name} does not exist; name {KINDS}.")
    with contextlib.suppress(ExportError):
        return WeightSource(name, EXPORT, version_directory(name))
    directory.fetch()
    if not directory.record.is_file():
        raise ConfigError(f"--init_from={name} is nothing to start from; name {KINDS}.")
    return WeightSource(name, RUN, directory.path)


def no_imagenet_weights(encoder: str) -> ConfigError:
    """The error for ImageNet weights that are not here and may not be downloaded."""
    return ConfigError(
        f"--init_from={IMAGENET} finds no weights of {encoder} among those that Keras downloaded before; add "
        "--download to let Keras fetch them, or name a file of them with --init_from=FILE.h5."
    )


def cached_file(encoder: str, folder: Path) -> Path | None:
    """Returns the file of ImageNet weights without classifier that Keras downloaded before, `None` if there is none.

    Args:
        encoder: name of a model of `keras.applications`.
        folder: where Keras keeps the files of models.
    """
    with contextlib.suppress(OSError):
        return next((file for file in sorted(folder.iterdir()) if is_file_of(file.name, encoder)), None)
    return None


def is_file_of(file: str, encoder: str) -> bool:
    """Whether Keras calls a file so that has the ImageNet weights of a model without its classifier.

    Its names differ from family to family, as `mobilenet_1_0_224_tf_no_top.h5` and `efficientnetv2-b0_notop.h5`.
    """
    letters = re.sub(r"[^a-z0-9]", "", file.lower().removesuffix(".h5")).removeprefix("weights")
    name = encoder.lower()
    rest = letters.removeprefix(name)
    of_model = letters != rest and not re.match(r"v\d", rest)  # ResNet50 is not ResNet50V2
    full_width = not name.startswith("mobilenet") or "10" in rest  # narrower ones have other factors than 1.0
    return file.endswith(".h5") and of_model and "notop" in rest and full_width
