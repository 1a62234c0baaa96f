"""Files that have several pictures each, as tables and TFRecords do, in their splits."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping

from aag_tf.data.sources.tfrecords import short_names


class CountedFiles:
    """Files of each split, whose pictures are numbered through.

    Args:
        counts: of each split, how many pictures each file has, by its path; several numbers where some cannot be read.
    """

    def __init__(self, counts: Mapping[str, Mapping[str, tuple[int, ...]]]) -> None:
        self._counts = counts
        self.names = short_names([path for files in counts.values() for path in files])

    @property
    def splits(self) -> dict[str, int]:
        """How many pictures each split has."""
        return {split: sum(map(sum, files.values())) for split, files in self._counts.items()}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(os.stat(path).st_size for files in self._counts.values() for path in files)

    def digest(self, *settings: object) -> str:
        """Returns a SHA-256 that changes where a file does, or one of the settings."""
        stamps = {
            split: [[path, *count, os.stat(path).st_size, os.stat(path).st_mtime_ns] for path, count in files.items()]
            for split, files in self._counts.items()
        }
        return hashlib.sha256(json.dumps([stamps, *settings]).encode()).hexdigest()

    def parts(self, split: str, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
        """Yields the files that have pictures `start` to `stop` of a split, each with the first and last of its own."""
        before = 0
        for path, counts in self._counts[split].items():
            count = sum(counts)
            first, last = max(start - before, 0), min(stop - before, count)
            if first < last:
                yield path, first, last
            before += count
