"""Records of a split by number, from ArrayRecord files that are opened when they are first needed."""

import collections
import functools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from array_record.python import array_record_module

from aag_tf.data.images.file_images import ADVICE, patiently
from aag_tf.data.pack.files import shard_path
from aag_tf.data.pack.manifest import PackedSplit
from aag_tf.utils.errors import DataError, one_line

# Files that are open at once: a process usually has 1 024, and each holds the places of its records in memory.
MOST_OPEN = 256
# Read no further than was asked for, since the next record is anywhere.
READER_OPTIONS = "readahead_buffer_size:0"


class ShardedRecords:
    """The records of one split; safe to read from several threads.

    Args:
        directory: of the pack.
        name: of the split.
        split: its shards.
        partly: whether shards may be missing, of which nothing is read.

    Attributes:
        present: bool [shards], which of them are there.

    Raises:
        DataError: a shard is missing or has another size than when it was written.
    """

    def __init__(self, directory: Path, name: str, split: PackedSplit, *, partly: bool = False) -> None:
        self._paths = [shard_path(directory, name, number, len(split.shards)) for number in range(len(split.shards))]
        self._counts = [shard.images for shard in split.shards]
        self._ends = np.cumsum(self._counts)
        self._open: collections.OrderedDict[int, Any] = collections.OrderedDict()
        self._lock = threading.Lock()
        self.present = np.ones(len(self._paths), np.bool_)
        for number, (path, shard) in enumerate(zip(self._paths, split.shards, strict=True)):
            size = path.stat().st_size if path.is_file() else -1
            if partly and size < 0:
                self.present[number] = False
            elif size != shard.bytes:
                raise damaged(
                    path, "it is missing" if size < 0 else f"it has {size:,} bytes instead of {shard.bytes:,}"
                )

    def __len__(self) -> int:
        return int(self._ends[-1])

    def shards_of_all(self) -> npt.NDArray[np.int64]:
        """Returns the number of the shard that each record is in, int64 [n]."""
        return np.repeat(np.arange(len(self._counts)), self._counts)

    def read(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> list[bytes]:
        """Returns records by number, in the given order.

        Raises:
            DataError: a shard is damaged or gone.
        """
        numbers = np.asarray(numbers, np.int64)
        shards = np.searchsorted(self._ends, numbers, side="right")
        records: list[bytes] = [b""] * len(numbers)
        for shard in np.unique(shards):
            rows = np.flatnonzero(shards == shard)
            places = numbers[rows] - (self._ends[shard] - self._counts[shard])
            found = patiently(functools.partial(self._read_shard, int(shard), places.tolist()))
            for row, record in zip(rows, found, strict=True):
                records[row] = record
        return records

    def _read_shard(self, shard: int, places: list[int]) -> list[bytes]:
        path = self._paths[shard]
        try:
            records = self._reader(shard).read(places)
        except Exception as error:  # RuntimeError of a damaged file, and others of a disk
            with self._lock:
                self._open.pop(shard, None)  # opened anew if it is tried again
            raise damaged(path, one_line(error, 120)) from error
        if not all(records):  # what the reader returns for a file that was cut off while it is open
            raise damaged(path, "it ends too early")
        return records

    def _reader(self, shard: int) -> Any:
        with self._lock:
            if shard not in self._open:
                if len(self._open) >= MOST_OPEN:
                    # Not closed here, since another thread may be reading: it closes with its last reference.
                    self._open.popitem(last=False)
                self._open[shard] = open_shard(self._paths[shard], self._counts[shard])
            self._open.move_to_end(shard)
            return self._open[shard]


def open_shard(path: Path, count: int) -> Any:
    """Opens an ArrayRecord file.

    Args:
        path: the file.
        count: records that it must have.

    Raises:
        Exception: it is missing or damaged.
    """
    path.stat()  # the reader says nothing of a missing file
    reader = array_record_module.ArrayRecordReader(str(path), options=READER_OPTIONS)
    if (found := reader.num_records()) != count:
        raise ValueError(f"{found:,} records instead of {count:,}")
    return reader


def read_all(path: Path, count: int, at_once: int = 64) -> Iterator[bytes]:
    """Yields every record of an ArrayRecord file in order.

    Raises:
        Exception: it is missing or damaged.
    """
    reader = open_shard(path, count)
    for start in range(0, count, at_once):
        yield from reader.read(list(range(start, min(start + at_once, count))))


def damaged(what: object, why: str) -> DataError:
    """Returns the error for what is not as it was written; see `aag_tf.data.images.file_images.report_lost_files`."""
    return DataError(
        f"{what} can no longer be read ({why}); restore it, or give its aag-pack command again with --resume,{ADVICE}"
    )
