"""Data sets that cannot be opened by their names; nothing here imports TensorFlow."""

from typing import NoReturn

from aag_tf.config import OWN, DataConfig
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import command_line


def refuse_unpacked(rest: str, config: DataConfig) -> NoReturn:
    """Says how the data set is packed.

    Raises:
        DataError: always.
    """
    del rest
    command = command_line("aag-pack", f"--dataset={config.dataset}", "--output=packed")
    raise DataError(
        f"--dataset={config.dataset} is read in order only, and training needs its images in any order; pack them "
        f"once with `{command}` and use --dataset=pack:packed."
    )


def refuse_own(rest: str, config: DataConfig) -> NoReturn:
    """Says what a run on images that Python passed needs.

    Raises:
        DataError: always.
    """
    del rest, config
    raise DataError(
        f"--dataset={OWN} is what a run records if images were passed to train(); pass them again, train(images=...), "
        "or name a data set of the same images with --dataset."
    )
