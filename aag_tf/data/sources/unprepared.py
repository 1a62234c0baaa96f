"""The error for a TensorFlow data set that is not prepared; its module imports neither TensorFlow nor TFDS."""

import os

from aag_tf.utils.errors import DataError
from aag_tf.utils.text import command_line

READ_BY_TENSORFLOW = "gs://"  # of the stores, the one that TensorFlow itself reads


def base_name(name: str) -> str:
    """Returns the name of a data set without its config and version: that of its folder."""
    return name.partition(":")[0].partition("/")[0]


def not_prepared(
    name: str, directory: str | os.PathLike[str], data_dir: str | None, *, near: str | None = None
) -> DataError:
    """Returns the error, which says how to prepare the data set or to name where it lies.

    Args:
        name: of the data set, as after `tfds:`.
        directory: where it was looked for.
        data_dir: value of `--data_dir`.
        near: a similar name, which may have been meant.
    """
    place = (f"--data_dir={data_dir}",) if data_dir else ()
    meant = f"did you mean tfds:{near}? Where" if near else "where"
    return DataError(
        f"tfds:{name} is not prepared in {directory}; {meant} there is a network, add --download or run "
        f"`{command_line('tfds', 'build', name, *place)}`, and where the data lie elsewhere, name the directory with "
        "--data_dir."
    )
