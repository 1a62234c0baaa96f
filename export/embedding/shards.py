"""Parquet files of embeddings: one row an image, in the input's order, complete or absent."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from aag_tf.export.embedding.output import open_atomically
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.text import printable

ROWS_AT_ONCE = 8192  # rows of a row group: as many are in memory when they are read back


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


def write_shard(path: Path, rows: Rows, columns: pa.Schema) -> None:
    """Writes one Parquet file atomically."""
    # A dictionary would only cost time, since embeddings do not repeat.
    with open_atomically(path) as file, pq.ParquetWriter(file, columns, use_dictionary=False) as writer:
        for start in range(0, len(rows.paths), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            writer.write_table(to_table(Rows(rows.paths[some], rows.embeddings[some], rows.errors[some]), columns))


@contextlib.contextmanager
def open_shard(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file to read; as a file, since Arrow takes a name such as `v2:best` for a URL."""
    with pa.OSFile(os.fspath(path)) as file, pq.ParquetFile(file) as shard:
        yield shard


def is_shard(path: Path, rows: int) -> bool:
    """Whether a path is a Parquet file with this number of rows."""
    try:
        with open_shard(path) as shard:
            return shard.metadata.num_rows == rows
    except (OSError, pa.ArrowException):
        return False


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
