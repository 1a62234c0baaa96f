"""The refusal to train on files that are read in order only; its module imports no TensorFlow."""

from typing import NoReturn

from aag_tf.config import DataConfig
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
