"""Parquet files of embeddings: one row an image, in the input's order, complete or absent.

Every page has a checksum, and the manifest has the digest of a file and of its footer, which says where the pages are.
So a damaged file is noticed whatever part of it is read.
"""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from aag_tf.utils.atomic import open_atomically
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import EmbeddingError, one_line
from aag_tf.utils.stores import named
from aag_tf.utils.text import printable

ROWS_AT_ONCE = 8192  # rows of a row group: as many are in memory when they are read back
MEND = "give the aag-embed command again with --resume, which writes it anew"
# What Arrow raises for damaged files, beside its own classes.
DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError, AttributeError)


class DamagedFileError(EmbeddingError):
    """A file of an output is missing or not as it was written."""


@dataclasses.dataclass(frozen=True)
class ShardFacts(FileFacts):
    """Facts of a Parquet file.

    Args:
        bytes: its size.
        sha256: of the file.
        footer: SHA-256 of its footer, with the length and the mark behind it.
    """

    footer: str

    @classmethod
    @override
    def of(cls, path: Path) -> Self:
        return cls(**dataclasses.asdict(FileFacts.of(path)), footer=_digest_of_footer(path))

    @override
    def fault(self, path: Path, *, full: bool = True) -> str | None:
        """As for any file; otherwise size and footer are compared, and the checksums of pages when these are read."""
        fault = super().fault(path, full=full)
        if fault is None and not full and _digest_of_footer(path) != self.footer:
            return "is not as it was written"
        return fault


def _digest_of_footer(path: Path) -> str:
    tail = 8  # bytes: length of the footer before it, and a mark
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - tail, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - tail - length, 0))
        return hashlib.sha256(file.read()).hexdigest()


class Rows(NamedTuple):
    """Embedded images.

    Args:
        paths: [n].
        embeddings: float [n, dim]; zeros for an image without one.
        errors: [n], `None` where the image was embedded.
    """

    paths: Sequence[str]
    embeddings: npt.NDArray[np.floating]
    errors: Sequence[str | None]

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Whether each image was embedded: bool [n]."""
        return np.array([error is None for error in self.errors], np.bool_)


def schema(dtype: str) -> pa.Schema:
    """Columns: path, embedding (a list of numbers, or null), ok, and error (or null).

    The lists have no fixed size in the schema, since few readers of Parquet support nulls among those.
    """
    number = pa.float16() if dtype == "float16" else pa.float32()
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("embedding", pa.list_(number)),
            pa.field("ok", pa.bool_(), nullable=False),
            pa.field("error", pa.string()),
        ]
    )


def to_table(rows: Rows, columns: pa.Schema) -> pa.Table:
    """Converts rows to a table with the columns of `schema`."""
    ok = rows.ok
    ends = np.cumsum(ok, dtype=np.int32) * rows.embeddings.shape[1]
    # A list without a start is null.
    starts = pa.array(np.concatenate([[0], ends]).astype(np.int32), mask=np.append(~ok, False))
    numbers = pa.array(rows.embeddings[ok].reshape(-1), columns.field("embedding").type.value_type)
    paths = pa.array([printable(path) for path in rows.paths], pa.string())
    vectors = pa.ListArray.from_arrays(starts, numbers)
    return pa.Table.from_arrays([paths, vectors, pa.array(ok), pa.array(rows.errors, pa.string())], schema=columns)


def write_shard(path: Path, rows: Rows, columns: pa.Schema) -> ShardFacts:
    """Writes one Parquet file atomically; returns its facts."""
    starts = range(0, len(rows.paths), ROWS_AT_ONCE)
    parts = (slice(start, start + ROWS_AT_ONCE) for start in starts)
    tables = (to_table(Rows(rows.paths[some], rows.embeddings[some], rows.errors[some]), columns) for some in parts)
    # A dictionary would only cost time, since embeddings do not repeat.
    return write_tables(path, tables, columns, dictionaries=False)


def write_tables(path: Path, tables: Iterable[pa.Table], columns: pa.Schema, *, dictionaries: bool) -> ShardFacts:
    """Writes one Parquet file atomically, a row group a table; returns its facts.

    Args:
        path: of the file.
        tables: its rows.
        columns: the schema of every table.
        dictionaries: whether values that repeat are stored once.
    """
    with (
        open_atomically(path) as file,
        pq.ParquetWriter(file, columns, use_dictionary=dictionaries, write_page_checksum=True) as writer,
    ):
        for table in tables:
            writer.write_table(table)
    return ShardFacts.of(path)


@contextlib.contextmanager
def open_shard(path: Path, *, mend: str = MEND) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file to read; as a file, since Arrow takes a name such as `v2:best` for a URL.

    Args:
        path: of the file.
        mend: what helps where it is damaged.

    Raises:
        DamagedFileError: it is missing or damaged, here or where the block reads.
        EmbeddingError: the disk cannot be read now.
    """
    try:
        with (
            reporting_unreadable(path),
            pa.OSFile(os.fspath(path)) as file,
            pq.ParquetFile(file, page_checksum_verification=True) as shard,
        ):
            yield shard
    except EmbeddingError:
        raise
    except FileNotFoundError as error:
        raise DamagedFileError(f"{named(path)} is missing; {mend}.") from error
    except DAMAGE as error:
        raise DamagedFileError(f"{named(path)} is damaged ({one_line(error, 100)}); {mend}.") from error


@contextlib.contextmanager
def reporting_unreadable(path: Path) -> Iterator[None]:
    """Converts the `OSError` of a disk, which may be read again later, to `EmbeddingError`.

    Raises:
        EmbeddingError: the block raised one.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is None:  # of Arrow, for what is in a file
            raise
        reason = os.strerror(error.errno)
        raise EmbeddingError(
            f"{named(path)} cannot be read now ({reason}); mend that and try again, nothing was changed."
        ) from error


def fault_of_unknown(path: Path, rows: int, *, full: bool) -> str | None:
    """Returns what is wrong with a Parquet file without facts, as `FileFacts.fault`: as far as reading it tells.

    Args:
        path: of the file.
        rows: number that it should have.
        full: whether all of it is read, or its footer.

    Raises:
        EmbeddingError: the disk cannot be read now.
    """
    try:
        with open_shard(path) as shard:
            found = sum(len(batch) for batch in shard.iter_batches()) if full else shard.metadata.num_rows
    except DamagedFileError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        return "is missing" if missing else "is damaged"
    return None if found == rows else f"has {found:,} of {rows:,} rows"


def split_rows(rows: int, size: int) -> list[range]:
    """Splits `range(rows)` into consecutive ranges of one size; the last may be shorter."""
    return [range(start, min(start + size, rows)) for start in range(0, rows, size)]


def read_rows(path: Path, dim: int) -> Rows:
    """Reads all rows of a Parquet file."""
    with open_shard(path) as shard:
        table = shard.read()
        vectors = np.concatenate([read_vectors(part, dim) for part in table.column("embedding").chunks])
        ok = table.column("ok").to_numpy().astype(np.bool_)
        vectors[~ok] = 0
        return Rows(table.column("path").to_pylist(), vectors, table.column("error").to_pylist())


def read_vectors(column: pa.Array, dim: int) -> npt.NDArray[np.floating]:
    """Reads the embeddings of a column as float [n, dim], NaN for null.

    Raises:
        EmbeddingError: the embeddings have another length than `dim`.
    """
    numbers = column.flatten().to_numpy(zero_copy_only=False)
    if len(numbers) != dim * (len(column) - column.null_count):
        raise EmbeddingError(
            f"the embeddings have other lengths than the {dim} of the manifest; embed again with --overwrite."
        )
    vectors = np.full((len(column), dim), np.nan, numbers.dtype)
    vectors[np.asarray(column.is_valid())] = numbers.reshape(-1, dim)
    return vectors
