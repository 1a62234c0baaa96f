"""NumPy archives from unknown sources: plain arrays only, within a memory limit."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.stores import FRESH_SECONDS, fetched

Arrays = dict[str, npt.NDArray[Any]]


def npz_path(path: str) -> Path:
    """Returns the file that `npz:<path>` names; of an address, a local copy.

    Raises:
        DataError: there is none.
    """
    file = fetched(path, fresh_seconds=FRESH_SECONDS)
    if not file.is_file():
        raise DataError(f"{path} is not a file; --dataset=npz:<path> names an archive written by numpy.savez.")
    return file


def read_arrays(path: Path, keys: Sequence[str], *, limit: int, advice: str) -> Arrays:
    """Reads the arrays of an `.npz` archive that have one of the given names; missing ones are left out.

    Nothing is unpickled. The size of the arrays is checked in the archive and in their headers before they are read.

    Args:
        path: the archive.
        keys: names of the arrays to read.
        limit: the most bytes that these arrays may take together.
        advice: what the user should do if they take more, for the error message.

    Raises:
        DataError: the file is not such an archive, is damaged, or its arrays exceed the limit.
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
    except Exception as error:  # encrypted, truncated, Python objects, broken headers: NumPy raises many classes
        reason = one_line(error) or type(error).__name__
        raise DataError(
            f"{path} cannot be read as an archive of plain arrays ({reason}); write it with numpy.savez, no objects."
        ) from error


def array_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of an archive from its header, which may be wrong; nothing else is read.

    Raises:
        Exception: it is no archive of arrays; `read_arrays` says what is wrong.
    """
    with zipfile.ZipFile(path) as archive:
        return {entry.filename.removesuffix(".npy"): _header(archive, entry)[0] for entry in archive.infolist()}


def _claimed_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Size of an array in bytes according to its own header, which may be wrong."""
    shape, dtype = _header(archive, entry)
    return math.prod(shape) * dtype.itemsize


def _header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(file)
    return shape, dtype
