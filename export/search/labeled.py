"""`--labeled=FILE`: which images of a collection have a label already, from a list of paths or a table."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aag_tf.data.layouts import lists, tables
from aag_tf.export.embedding import Collection
from aag_tf.preflight.search import check_labeled
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.text import printable, shown

TABLES = (".csv", ".tsv")
NAMED = 3  # paths that a warning names


def labeled_rows(path: str, collection: Collection) -> npt.NDArray[np.int64]:
    """Returns the rows of labeled images, ascending.

    A path means the same file as where a data set reads the list, or else the image that has this path in the
    collection. Of a table with a column of labels, rows without a label do not count.

    Args:
        path: of the list.
        collection: that has the images.

    Raises:
        DataError: the list cannot be read, names nothing, or no image of the collection.
    """
    file = check_labeled(path)
    names = _names(file, path)
    folder = os.path.dirname(os.path.abspath(file))
    number_of = {lists.locate(name, folder): number for number, name in enumerate(names)}
    number_of_path = {printable(name): number for number, name in enumerate(names)}
    files = collection.file_paths()
    found, missing = list[int](), set(range(len(names)))
    for row, own in enumerate(collection.paths()):
        place = next(files, None)
        number = number_of.get(place) if place is not None else None
        if number is None:
            number = number_of_path.get(own)
        if number is not None:
            found.append(row)
            missing.discard(number)
    example = next(collection.paths())
    if not found:
        raise DataError(
            f"--labeled={path} names no image of the collection (its first line is {shown(names[0])}); write paths of "
            f"files, or such as {shown(example)}."
        )
    if missing:
        left = [shown(names[number]) for number in sorted(missing)[:NAMED]]
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        logger.warning(
            "--labeled=%s: %s of %s paths are not in the collection (%s%s).",
            *(path, f"{len(missing):,}", f"{len(names):,}", ", ".join(left), more),
        )
    return np.array(found, np.int64)


def _names(file: Path, path: str) -> list[str]:
    if file.suffix.lower() not in TABLES:
        names = list(lists.read_names(file))
        if not names:
            raise DataError(f"--labeled={path} names no files; write a path of an image a line.")
        return names
    table = tables.read_table(str(file), None)
    names = [row.name for row in table.rows if row.label is not None or not table.has_labels]
    if not names:
        column = table.columns["label"]
        raise DataError(f"--labeled={path} has no label in its column {column}; fill it in, or leave --labeled out.")
    return names
