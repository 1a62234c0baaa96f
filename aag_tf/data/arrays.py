"""NumPy archives from anybody: plain arrays only, and no more memory than is allowed."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.utils.errors import DataError, one_line

Arrays = dict[str, npt.NDArray[Any]]


def read_arrays(path: Path, keys: Sequence[str], *, limit: int, advice: str) -> Arrays:
    """The arrays of an `.npz` archive that have one of these names, as far as there are any.

    Nothing is unpickled. What the arrays take is looked up in the archive and in their headers before they are read.

    Args:
        path: the archive.
        keys: names of arrays; others are not looked at.
        limit: bytes that they may take together.
        advice: what to do where they take more, in words.

    Raises:
        DataError: it is no such archive, is damaged, or its arrays take more than the limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            wanted = {key: entry for key, entry in wanted.items() if key in keys}
            needed = sum(max(entry.file_size, _claimed_bytes(archive, entry)) for entry in wanted.values())
        if needed > limit:
            raise DataError(
                f"{path} unpacks to {needed / 2**30:.1f} GiB, above the limit of {limit / 2**30:.1f} GiB; {advice}."
            )
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in keys if key in arrays}
    except DataError:
        raise
    except Exception as error:  # encrypted, cut, of objects, with a header of anything: NumPy raises many classes
        reason = one_line(error) or type(error).__name__
        raise DataError(
            f"{path} cannot be read as an archive of plain arrays ({reason}); write it with numpy.savez, no objects."
        ) from error


def _claimed_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """What an array takes by its own header, which need not be true."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(file)
    return math.prod(shape) * dtype.itemsize
