"""Remembers the headers of image files, so that a large folder opens at once after the first time.

An entry is valid as long as size and modification time of its file stay. The cache lies in `$AAG_CACHE_DIR`
and can be deleted at any time; where it cannot be written, files are opened anew each time.
"""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import PIL
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aag_tf.data.files.header_columns import COLUMNS, HeaderColumns
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.versions import __version__

FORMAT_VERSION = 3
FEWEST = 1_000  # files; fewer are opened in a second
AT_ONCE = 50_000  # rows

SCHEMA = pa.schema(
    [
        ("path", pa.binary()),
        ("bytes", pa.int64()),
        ("modified", pa.int64()),
        ("error", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("channels", pa.int32()),
        ("deep", pa.bool_()),
        ("pages", pa.int32()),
        ("one_size", pa.bool_()),
        ("note", pa.string()),
        ("decoder", pa.uint8()),
        ("ends", pa.bool_()),
    ]
)


@dataclasses.dataclass(frozen=True)
class HeaderCache:
    """The headers of one data set's files, or why a file cannot be read.

    Args:
        file: where they are kept.
        key: what else they depend on; a cache with another one is empty.
    """

    file: Path
    key: str

    @classmethod
    def of(cls, name: str, max_pixels: int) -> Self:
        """Returns the cache of a data set.

        Args:
            name: of the data set, such as `folder:photos`.
            max_pixels: larger pictures are among those that cannot be read.
        """
        digest = hashlib.sha256(f"{os.getcwd()}\0{name}".encode(errors="surrogateescape")).hexdigest()
        file = cache_directory() / "headers" / f"{digest[:32]}.parquet"
        return cls(file, f"{FORMAT_VERSION} {max_pixels} {__version__} {PIL.__version__}")

    def recall(self, paths: Sequence[str], stamps: npt.NDArray[np.int64], headers: HeaderColumns) -> dict[int, str]:
        """Sets the headers that are known of files in their state; returns why others cannot be read, by number.

        Args:
            paths: the files.
            stamps: int64 [n, 2], of each.
            headers: of each, to fill.
        """
        errors: dict[int, str] = {}
        with contextlib.suppress(OSError, pa.ArrowException), self.file.open("rb") as opened:
            for numbers, rows in _numbered(self._parquet(opened), paths):
                same = numbers >= 0
                for place, name in enumerate(("bytes", "modified")):
                    same &= rows[name].to_numpy() == stamps[numbers, place]
                readable = rows["error"].is_null().to_numpy(zero_copy_only=False)
                fine, broken = same & readable, np.flatnonzero(same & ~readable)
                columns = {name: rows[name].to_numpy(zero_copy_only=False)[fine] for name in COLUMNS.names or ()}
                headers.fill(numbers[fine], columns)
                errors |= zip(numbers[broken].tolist(), rows["error"].take(broken).to_pylist(), strict=True)
        pa.default_memory_pool().release_unused()
        return errors

    def add(
        self,
        paths: Sequence[str],
        stamps: npt.NDArray[np.int64],
        numbers: npt.NDArray[np.int64],
        headers: HeaderColumns,
        errors: Mapping[int, str],
    ) -> None:
        """Remembers some files, beside what is known of others; does nothing where that cannot be written.

        Args:
            paths: all files.
            stamps: int64 [n, 2], of each.
            numbers: int64 [k], of those to remember.
            headers: of all.
            errors: why files cannot be read, by number.
        """
        new = {
            "path": _encoded([paths[number] for number in numbers]),
            "bytes": stamps[numbers, 0],
            "modified": stamps[numbers, 1],
            "error": pa.array([errors.get(number) for number in numbers.tolist()], pa.string()),
            **headers.columns(numbers),
        }
        table = pa.table({name: pa.array(new[name], SCHEMA.field(name).type) for name in SCHEMA.names})
        with contextlib.suppress(OSError, pa.ArrowException), self.file.open("rb") as opened:
            known = self._parquet(opened).read()
            others = pc.invert(pc.is_in(known["path"], value_set=table["path"].combine_chunks()))
            table = pa.concat_tables([known.filter(others).replace_schema_metadata(None), table])
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({"key": self.key}), sink, compression="zstd")
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.file, sink.getvalue().to_pybytes())

    def _parquet(self, opened: BinaryIO) -> pq.ParquetFile:
        """Opens the file.

        Raises:
            pa.ArrowException: it is damaged, of another key, or empty.
        """
        file = pq.ParquetFile(opened)
        schema = file.schema_arrow
        key = (schema.metadata or {}).get(b"key")
        if schema.remove_metadata() != SCHEMA or key != self.key.encode() or file.metadata.num_rows == 0:
            raise pa.ArrowInvalid("of another kind")
        return file


def _numbered(file: pq.ParquetFile, paths: Sequence[str]) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
    """Yields the rows of a cache in pieces, with the number of each row's path, -1 for one that is not in `paths`.

    Raises:
        pa.ArrowException: it is damaged.
    """
    number_of: dict[str, int] = {}  # needs more memory than all else, and is empty as long as the cache has all paths
    start = 0
    for rows in file.iter_batches(AT_ONCE):
        if any(rows[name].null_count for name in SCHEMA.names if name != "error"):
            raise pa.ArrowInvalid("a value is missing")
        stop = start + len(rows)
        if not number_of and rows["path"].equals(_encoded(paths[start:stop])):
            yield np.arange(start, stop), rows
        else:
            number_of = number_of or {path: number for number, path in enumerate(paths)}
            yield np.array([number_of.get(os.fsdecode(name), -1) for name in rows["path"].to_pylist()], np.int64), rows
        start = stop


def _encoded(paths: Sequence[str]) -> Any:
    return pa.array(map(os.fsencode, paths), pa.binary(), size=len(paths))
