"""NumPy archives from unknown sources: plain arrays only, read whole within a memory limit, or a few rows at a time."""

import contextlib
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.stores import FRESH_SECONDS, fetched
from aag_tf.utils.text import shown

Arrays = dict[str, npt.NDArray[Any]]


class ArrayHeader(NamedTuple):
    """What an array says of itself, which may be wrong: shape, whether it is stored column by column, and type."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]


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
    with converting_errors(path), zipfile.ZipFile(path) as archive:
        wanted = {key: entry for key, entry in entries(path, archive).items() if key in keys}
        claimed = {key: _claimed_bytes(archive, entry) for key, entry in wanted.items()}
        needed = sum(max(entry.file_size, claimed[key]) for key, entry in wanted.items())
        if needed > limit:
            raise DataError(
                f"{path} unpacks to {needed / 2**30:.1f} GiB, above the limit of {limit / 2**30:.1f} GiB; {advice}."
            )
        for key, entry in wanted.items():
            if claimed[key] > entry.file_size:
                raise ValueError(f"`{key}` is cut off")
        return {key: _read(archive, wanted[key]) for key in keys if key in wanted}


@contextlib.contextmanager
def converting_errors(path: object) -> Iterator[None]:
    """Converts what NumPy and `zipfile` raise for an archive that they cannot read.

    Raises:
        DataError: the block could not read it.
    """
    try:
        yield
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
        return {key: _header(archive, entry).shape for key, entry in entries(path, archive).items()}


def entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Returns the entries of an archive by the names of their arrays.

    Raises:
        DataError: two have the same name.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        key = entry.filename.removesuffix(".npy")
        if key in found:
            raise DataError(
                f"{path} holds `{shown(key)}` twice, and which of them is meant cannot be told; write it with "
                "numpy.savez."
            )
        found[key] = entry
    return found


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Reads an array from the very entry that was measured, of which no more than its size is unpacked."""
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _claimed_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Size of an array in bytes according to its own header, which may be wrong."""
    shape, _, dtype = _header(archive, entry)
    if min(shape, default=0) < 0:
        raise ValueError(f"an array of shape {list(shape)}")
    return 0 if dtype.hasobject else math.prod(shape) * dtype.itemsize  # reading refuses objects


def _header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(entry) as file:
        return read_header(file)


def read_header(file: IO[bytes]) -> ArrayHeader:
    """Reads the header of an array, behind which its values begin.

    Raises:
        Exception: it has none, or one of a version that is not known.
    """
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    return ArrayHeader(*read(file))
