"""The table of a split: a Parquet file with a row an image, in the order of the records."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from aag_tf.data.pack.files import table_path
from aag_tf.data.pack.manifest import PackedSplit
from aag_tf.utils.errors import DataError

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.int64()),  # null without one
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("channels", pa.int32(), nullable=False),
        pa.field("pages", pa.int32(), nullable=False),
        pa.field("deep", pa.bool_(), nullable=False),  # values of more than 8 bits
        # `aag_tf.data.files.formats.decoded.Decoder`; null in packs of earlier versions.
        pa.field("decoder", pa.uint8()),
    ]
)


def with_all_columns(rows: pa.Table) -> pa.Table:
    """Adds columns that earlier versions did not write.

    Raises:
        ValueError: the columns are none of this table.
    """
    for field in SCHEMA:
        if field.nullable and field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    return rows.cast(SCHEMA)


def read_labels(directory: Path, name: str, split: PackedSplit) -> npt.NDArray[np.int64] | None:
    """Returns the label of every image, int64 [n]; `None` if the split is not labeled.

    Raises:
        DataError: the table is missing or damaged.
    """
    if not split.labeled:
        return None
    labels = _column(directory, name, split, "label")
    if labels.null_count:
        raise _damaged(table_path(directory, name), "a label is missing")
    return labels.to_numpy()


def read_paths(directory: Path, name: str, split: PackedSplit) -> list[str]:
    """Returns the path of every image in its source.

    Raises:
        DataError: the table is missing or damaged.
    """
    return _column(directory, name, split, "path").to_pylist()


def read_deep(directory: Path, name: str, split: PackedSplit) -> npt.NDArray[np.int64]:
    """Returns the numbers of the images that have values of more than 8 bits, int64 [k].

    Raises:
        DataError: the table is missing or damaged.
    """
    return np.flatnonzero(_column(directory, name, split, "deep").to_numpy())


def read_sizes(directory: Path, name: str, split: PackedSplit) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns height and width of every picture, int64 [n] each.

    Raises:
        DataError: the table is missing or damaged.
    """
    height, width = (_column(directory, name, split, column).to_numpy() for column in ("height", "width"))
    return height.astype(np.int64), width.astype(np.int64)


def has_pages(directory: Path, name: str, split: PackedSplit) -> bool:
    """Whether any file has several pages.

    Raises:
        DataError: the table is missing or damaged.
    """
    return bool((_column(directory, name, split, "pages").to_numpy() > 1).any())


def read_decoders(
    directory: Path, name: str, split: PackedSplit
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Returns the decoder of every picture (255 where it is not known), uint8 [n], and its channels, int64 [n].

    Raises:
        DataError: the table is missing or damaged.
    """
    channels = _column(directory, name, split, "channels").to_numpy().astype(np.int64)
    decoders = _column(directory, name, split, "decoder").fill_null(255).to_numpy()
    return decoders, channels


def _column(directory: Path, name: str, split: PackedSplit, column: str) -> pa.ChunkedArray:
    file = table_path(directory, name)
    try:
        if split.table is not None and (fault := split.table.fault(file)):
            raise _damaged(file, f"it {fault}")
        with file.open("rb") as opened:  # Arrow would take a path with a colon for a URL
            written = pq.ParquetFile(opened)
            if column in written.schema_arrow.names or not SCHEMA.field(column).nullable:
                found = written.read([column]).column(column)
            else:
                found = pa.chunked_array([pa.nulls(written.metadata.num_rows, SCHEMA.field(column).type)])
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _damaged(file, type(error).__name__) from error
    if len(found) != split.images or found.type != SCHEMA.field(column).type:
        raise _damaged(file, "it does not fit the manifest")
    return found


def _damaged(file: Path, why: str) -> DataError:
    return DataError(f"{file} is missing or damaged ({why}); give the aag-pack command again with --resume.")
