"""Parquet files of embeddings: one row an image, in the input's order, complete or absent."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 8192  # a row group: what reading it back takes into memory


class Rows(NamedTuple):
    """Embedded images.

    Args:
        paths: [n].
        embeddings: float [n, dim]; zeros where there is none.
        errors: [n], `None` where the image was embedded.
    """

    paths: Sequence[str]
    embeddings: npt.NDArray[np.floating]
    errors: Sequence[str | None]

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which images were embedded: bool [n]."""
        return np.array([error is None for error in self.errors], np.bool_)


def schema(dim: int, dtype: str) -> pa.Schema:
    """The columns: path, embedding (a list of `dim` numbers, or null), ok, and error (or null)."""
    number = pa.float16() if dtype == "float16" else pa.float32()
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("embedding", pa.list_(number, dim)),
            pa.field("ok", pa.bool_(), nullable=False),
            pa.field("error", pa.string()),
        ]
    )


def to_table(rows: Rows, columns: pa.Schema) -> pa.Table:
    """Rows as the columns of `schema`."""
    broken = pa.array(~rows.ok)
    number, dim = columns.field("embedding").type.value_type, columns.field("embedding").type.list_size
    values = pa.array(np.ascontiguousarray(rows.embeddings).reshape(-1), number)
    vectors = pa.FixedSizeListArray.from_arrays(values, dim, mask=broken)
    paths = [printable(path) for path in rows.paths]
    return pa.Table.from_arrays(
        [pa.array(paths), vectors, pa.array(rows.ok), pa.array(rows.errors, pa.string())], schema=columns
    )


def write_shard(path: Path, rows: Rows, columns: pa.Schema) -> None:
    """Writes one file under a hidden name, and gives it its own when it is complete on the disk."""
    hidden = path.with_name(f".{path.name}")
    with hidden.open("wb") as file:
        # Embeddings hardly compress, and repeat nothing.
        pq.write_table(to_table(rows, columns), file, row_group_size=ROWS_AT_ONCE, use_dictionary=False)
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)


def is_shard(path: Path, rows: int) -> bool:
    """Whether a file is there, and is a Parquet file of so many rows."""
    try:
        return pq.read_metadata(path).num_rows == rows
    except (OSError, pa.ArrowException):
        return False


def read_vectors(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.floating]:
    """The embeddings of a column, float [n, dim]; NaN where there is none."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = array.values.to_numpy(zero_copy_only=False)
    dim = array.type.list_size
    vectors = flat[array.offset * dim : (array.offset + len(array)) * dim].reshape(-1, dim).copy()
    vectors[np.asarray(array.is_null())] = np.nan
    return vectors


def printable(path: str) -> str:
    r"""A path as Unicode, which Parquet asks for: bytes that are no UTF-8 stand as \xNN."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
