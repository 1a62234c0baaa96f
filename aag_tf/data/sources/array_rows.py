"""Some rows of an array in a NumPy archive at a time, so that the array may be larger than memory.

Of an array that is stored as it is any rows are read where they lie. A compressed one is unpacked in order: rows
further on are found by unpacking what is before them, and earlier ones by beginning again.
"""

import math
import struct
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from aag_tf.data.sources.arrays import entries, read_header
from aag_tf.utils.errors import DataError

READ_AT_ONCE = 2**22  # bytes
# Of a member: its signature, and the lengths of a name and of more behind it.
LOCAL_HEADER, LOCAL_SIGNATURE = struct.Struct("<4s22xHH"), b"PK\3\4"


class ArrayRows:
    """The rows of one array; safe to read from several threads.

    Args:
        path: of the archive.
        entry: its member with the array.
        limit: the most bytes that an array may take that is stored column by column, which is read whole.

    Attributes:
        shape: of the array.
        dtype: of its values; one without Python objects.
        in_any_order: whether rows are found without unpacking those before them.

    Raises:
        DataError: the array is stored column by column, and is larger.
        Exception: the member is damaged, too short for what its header says, encrypted, or holds Python objects.
    """

    def __init__(self, path: Path, entry: zipfile.ZipInfo, limit: int) -> None:
        self._path, self._entry = path, entry
        self._lock = threading.Lock()
        self._stream: IO[bytes] | None = None
        self._next = 0  # row of the stream
        name = entry.filename.removesuffix(".npy")
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            self.shape, self._by_columns, self.dtype = read_header(file)
            within = file.tell()
        if self.dtype.hasobject:
            raise ValueError("Object arrays are not read")
        if not self.shape or min(self.shape) < 0:
            raise ValueError(f"an array of shape {list(self.shape)}")
        self._row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        needed = self.shape[0] * self._row_bytes
        stored = entry.compress_type == zipfile.ZIP_STORED
        if within + needed > (min(entry.file_size, entry.compress_size) if stored else entry.file_size):
            raise ValueError(f"`{name}` is cut off")
        if self._by_columns and needed > limit:
            raise DataError(
                f"`{name}` of {path} takes {needed / 2**30:.1f} GiB, above the limit of {limit / 2**30:.1f} GiB, and "
                "is stored column by column, so that no image can be read by itself; save "
                "numpy.ascontiguousarray(images)."
            )
        self._whole: npt.NDArray[Any] | None = None
        self.in_any_order = stored or self._by_columns
        self._start = self._place() + within if stored else 0

    def __len__(self) -> int:
        return self.shape[0]

    def __del__(self) -> None:
        """Closes the archive, which stays open while its rows are unpacked."""
        self.close()

    def read(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Returns rows by their numbers, [k, *shape[1:]]; quickest where these ascend.

        Raises:
            Exception: the archive is gone or damaged.
        """
        if self._by_columns:
            return self._all()[numbers]
        rows = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        for places, start in _runs(numbers):
            if self.in_any_order:
                with self._path.open("rb", buffering=0) as file:
                    file.seek(self._start + start * self._row_bytes)
                    _fill(rows[places], file)
            else:
                self.unpack(rows[places], start)
        return rows

    def unpack(self, rows: npt.NDArray[Any], start: int) -> None:
        """Reads rows from `start` on into an array in one piece; compares the checksum where these are the last ones.

        Raises:
            Exception: the archive is gone or damaged.
        """
        if self._by_columns:
            rows[:] = self._all()[start : start + len(rows)]
            return
        with self._lock:
            _fill(rows, self._at(start))
            self._next += len(rows)

    def close(self) -> None:
        """Closes the archive; it is opened again when rows are read."""
        if self._stream is not None:
            self._stream.close()
        self._stream, self._next = None, 0

    def _at(self, row: int) -> IO[bytes]:
        """Returns the unpacked bytes from a row on."""
        if self._stream is None or row < self._next:
            self.close()
            with zipfile.ZipFile(self._path) as archive:  # the member keeps the file open
                stream = archive.open(self._entry)
            self._stream = stream
            read_header(stream)
        stream = self._stream
        left = (row - self._next) * self._row_bytes
        while left:
            found = len(stream.read(min(left, READ_AT_ONCE)))
            if not found:
                raise EOFError("it ends too early")
            left -= found
        self._next = row
        return stream

    def _all(self) -> npt.NDArray[Any]:
        """Returns an array that is stored column by column."""
        with self._lock:
            if self._whole is None:
                columns = np.empty(self.shape[::-1], self.dtype)
                _fill(columns, self._at(0))
                self.close()
                self._whole = columns.T
            return self._whole

    def _place(self) -> int:
        """Returns where the bytes of the member begin, which its own header tells and not the archive's directory."""
        with self._path.open("rb") as file:
            file.seek(self._entry.header_offset)
            signature, *lengths = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        if signature != LOCAL_SIGNATURE:
            raise zipfile.BadZipFile("Bad magic number for file header")
        return self._entry.header_offset + LOCAL_HEADER.size + sum(lengths)


def open_rows(path: Path, keys: tuple[str, ...], limit: int) -> dict[str, ArrayRows]:
    """Opens those of some arrays that an archive has.

    Raises:
        DataError: an array occurs twice, or as for `ArrayRows`.
        Exception: as for `ArrayRows`, or the file is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        found = entries(path, archive)
    return {key: ArrayRows(path, found[key], limit) for key in keys if key in found}


def _fill(rows: npt.NDArray[Any], file: IO[bytes]) -> None:
    """Reads an array that lies in one piece."""
    room = rows.reshape(-1).view(np.uint8)
    while room.size:
        found = np.frombuffer(file.read(min(room.size, READ_AT_ONCE)), np.uint8)
        if not found.size:
            raise EOFError("it ends too early")
        room[: found.size] = found
        room = room[found.size :]


def _runs(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[slice, int]]:
    """Yields the places of numbers that follow each other, and the first of these numbers."""
    start = 0
    for end in (*(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)):
        if end > start:
            yield slice(start, end), int(numbers[start])
        start = end
