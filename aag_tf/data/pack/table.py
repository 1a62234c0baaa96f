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
    ]
)


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


def read_sizes(directory: Path, name: str, split: PackedSplit) -> tuple[npt.NDArray[np.int64], bool]:
    """Returns the number of pixels of every picture, int64 [n], and whether any file has several pages.

    Raises:
        DataError: the table is missing or damaged.
    """
    columns = ("height", "width", "pages")
    height, width, pages = (_column(directory, name, split, column).to_numpy() for column in columns)
    return height.astype(np.int64) * width, bool((pages > 1).any())


def _column(directory: Path, name: str, split: PackedSplit, column: str) -> pa.ChunkedArray:
    file = table_path(directory, name)
    try:
        with file.open("rb") as opened:  # Arrow would take a path with a colon for a URL
            found = pq.read_table(opened, columns=[column]).column(0)
    except (OSError, pa.ArrowException, KeyError, IndexError) as error:
        raise _damaged(file, type(error).__name__) from error
    if len(found) != split.images or found.type != SCHEMA.field(column).type:
        raise _damaged(file, "it does not fit the manifest")
    return found


def _damaged(file: Path, why: str) -> DataError:
    return DataError(f"{file} is missing or damaged ({why}); give the aag-pack command again with --resume.")
