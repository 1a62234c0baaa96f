"""Remembers the headers of image files, so that a large folder opens at once after the first time.

An entry is valid as long as size and modification time of its file stay. The cache lies in `$AAG_CACHE_DIR`
and can be deleted at any time; where it cannot be written, files are opened anew each time.
"""

import contextlib
import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any, Self

import PIL
import pyarrow as pa
import pyarrow.parquet as pq

from aag_tf.data.formats.decoded import Header
from aag_tf.data.tar_members import TarMember
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.versions import __version__

FORMAT_VERSION = 1
FEWEST = 1_000  # files; fewer are opened in a second

Stamp = tuple[int, int]  # bytes, modification time in nanoseconds
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
        ("plain_jpeg", pa.bool_()),
        ("ends", pa.bool_()),
    ]
)


@dataclasses.dataclass(eq=False)
class HeaderCache:
    """The headers of one data set's files, or why a file cannot be read.

    Args:
        file: where they are kept; `None` keeps nothing.
        key: what else they depend on; a cache with another one is empty.
        known: found in the file.
        new: entries of this process, which `save` adds.
    """

    file: Path | None
    key: str
    known: dict[str, tuple[Stamp, Header | str]]
    new: dict[str, tuple[Stamp, Header | str]] = dataclasses.field(default_factory=dict)

    @classmethod
    def open(cls, name: str, count: int, max_pixels: int) -> Self:
        """Opens the cache of a data set.

        Args:
            name: of the data set, such as `folder:photos`.
            count: number of its files.
            max_pixels: larger pictures are among those that cannot be read.
        """
        key = f"{FORMAT_VERSION} {max_pixels} {__version__} {PIL.__version__}"
        if count < FEWEST:
            return cls(None, key, {})
        digest = hashlib.sha256(f"{os.getcwd()}\0{name}".encode(errors="surrogateescape")).hexdigest()
        file = cache_directory() / "headers" / f"{digest[:32]}.parquet"
        return cls(file, key, _read(file, key))

    def find(self, path: str) -> tuple[Stamp | None, Header | str | None]:
        """Returns the stamp of a file, and what is known of it in this state."""
        try:
            stamp = _stamp(path)
        except OSError:
            return None, None
        known = self.known.get(path)
        return stamp, known[1] if known is not None and known[0] == stamp else None

    def add(self, path: str, stamp: Stamp | None, found: Header | str) -> None:
        """Remembers the header of a file, or why it cannot be read."""
        if stamp is not None:
            self.new[path] = stamp, found

    def save(self) -> None:
        """Writes what is new, together with what was known; does nothing where nothing is new or can be written."""
        if self.file is None or not self.new:
            return
        entries = self.known | self.new
        sink = pa.BufferOutputStream()
        pq.write_table(_table(entries, self.key), sink, compression="zstd")
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.file, sink.getvalue().to_pybytes())


def _stamp(path: str) -> Stamp:
    status = os.stat(path.archive if isinstance(path, TarMember) else path)
    return status.st_size, status.st_mtime_ns


def _table(entries: dict[str, tuple[Stamp, Header | str]], key: str) -> pa.Table:
    empty = Header(0, 0, 0)
    headers = [empty if isinstance(found, str) else found for _, found in entries.values()]
    columns: list[Any] = [
        [os.fsencode(path) for path in entries],
        [stamp[0] for stamp, _ in entries.values()],
        [stamp[1] for stamp, _ in entries.values()],
        [found if isinstance(found, str) else None for _, found in entries.values()],
        *(list(column) for column in zip(*headers, strict=True)),
    ]
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), SCHEMA.with_metadata({"key": key}))


def _read(file: Path, key: str) -> dict[str, tuple[Stamp, Header | str]]:
    """Reads a cache; nothing if it is missing, damaged or of another key."""
    try:
        with file.open("rb") as opened:
            table = pq.read_table(opened)
        if table.schema.remove_metadata() != SCHEMA or (table.schema.metadata or {}).get(b"key") != key.encode():
            return {}
        paths, sizes, modified, errors, *headers = (column.to_pylist() for column in table.itercolumns())
    except (OSError, pa.ArrowException):
        return {}
    rows = zip(*headers, strict=True)
    return {
        os.fsdecode(path): ((size, at), error if error is not None else Header(*row))
        for path, size, at, error, row in zip(paths, sizes, modified, errors, rows, strict=True)
    }
