"""Tables of image files and their labels: `csv:<path>`, and `--labels=<path>` beside a folder.

The first line names the columns, or is a row like the others where its first cell is an existing file. Commas,
semicolons, tabs and bars separate cells, and quotes hold them together. Paths are read as those of a list.
"""

import csv
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from aag_tf.config import DataConfig
from aag_tf.config.layout import AUTO, NONE
from aag_tf.data.layouts.listing import NAMED, Found, Listing, arrange
from aag_tf.data.layouts.lists import below_common, existing, locate, none_exists, open_text, text_path
from aag_tf.data.layouts.split_names import role_of
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.log import logger
from aag_tf.utils.text import command_line, shown

# Names of columns as people write them, the likelier first; case, spaces, `_` and `-` do not matter.
PATHS = (
    *("path", "filepath", "imagepath", "imgpath", "file", "filename", "imagefile", "imagefilename", "imagename"),
    *("image", "img", "picture", "photo", "fname", "imageid", "imgid", "name", "id", "uri", "location"),
)
LABELS = (
    *("label", "class", "target", "category", "classname", "labelname", "labels", "classes", "classlabel", "tag"),
    *("species", "breed", "diagnosis", "dx", "variety", "type", "y", "classid", "labelid", "categoryid"),
)
SPLITS = ("split", "subset", "partition", "dataset", "set", "phase", "fold")
DELIMITERS = ",;\t|"


class Row(NamedTuple):
    """A row of a table: a name of a file, and where the table has such columns its label and its split."""

    name: str
    label: str | None
    split: str | None


class Table(NamedTuple):
    """The rows of a table.

    Args:
        path: of its file.
        rows: as they come.
        columns: what its columns are called, by `path`, `label` and `split`.
    """

    path: Path
    rows: list[Row]
    columns: dict[str, str]

    @property
    def has_labels(self) -> bool:
        """Whether there is a column of labels."""
        return "label" in self.columns


def list_table(path: str, config: DataConfig) -> Listing:
    """Lists the files that a table names: `csv:<path>`.

    Splits come from its column of splits, otherwise from the folders of the files.

    Raises:
        DataError: the table is missing, broken, or names no file.
    """
    name, layout = f"csv:{path}", config.layout
    table = read_table(path, layout.columns)
    folder = os.path.dirname(os.path.abspath(table.path))
    files = [Found(locate(row.name, folder), row.name, row.label) for row in table.rows]
    if layout.labels == NONE:
        files = [file._replace(label=None) for file in files]
    found, gone = existing(files)
    if not found:
        raise none_exists(name, files[0].key, files[0].path, len(files))
    found = below_common(found)
    if "split" in table.columns and layout.splits != NONE:
        split_of = {file.path: row.split or "" for file, row in zip(files, table.rows, strict=True)}
        if layout.splits != AUTO or _are_splits(table, name, given=layout.columns is not None):
            # Folders still name classes where no column does.
            inside = os.path.basename if table.has_labels else str
            found = [file._replace(key=f"{split_of[file.path]}/{inside(file.key)}") for file in found]
    logger.info(
        "%s: %s (--columns).", name, ", ".join(f"{use} from column {own}" for use, own in table.columns.items())
    )
    return arrange(name, found, layout, labeled=table.has_labels, before=gone)


def with_labels(name: str, files: Sequence[Found], path: str, columns: str | None) -> list[Found]:
    """Returns files with the labels that a table gives them, by path, file name, or file name without suffix.

    Raises:
        DataError: the table has no labels, or none for these files.
    """
    table = read_table(path, columns)
    if not table.has_labels:
        raise DataError(f"--labels={path} has no column of labels; name it with --columns=PATH,LABEL.")
    folder = os.path.dirname(os.path.abspath(table.path))
    label_of: dict[str, str | None] = {}
    for row in table.rows:
        for key in (row.name.replace("\\", "/").removeprefix("./"), locate(row.name, folder)):
            if label_of.setdefault(key, row.label) != row.label:
                raise DataError(f"{row.name} is in {path} with the labels {label_of[key]} and {row.label}; keep one.")
    labeled, used = [], 0
    for file in files:
        base = os.path.basename(file.key)
        keys = (file.key, os.path.abspath(file.path), base, os.path.splitext(base)[0])
        label = next((label_of[key] for key in keys if key in label_of), None)
        used += label is not None
        labeled.append(file._replace(label=label))
    if not used:
        raise DataError(
            f"--labels={path} has no label for the files of {name}; its first row names {table.rows[0].name}, and the "
            f"first file is {files[0].key}."
        )
    if used < len(table.rows):
        logger.warning("%s rows of %s name no file of %s.", f"{len(table.rows) - used:,}", path, name)
    return labeled


def read_table(path: str, columns: str | None) -> Table:
    """Reads a table.

    Args:
        path: of its file.
        columns: value of `--columns`.

    Raises:
        DataError: it is missing or broken, is empty, or its columns are not known.
    """
    file = text_path(path, "csv")
    try:
        rows = list(_cells(file))
    except (csv.Error, OSError) as error:
        raise DataError(f"{path} cannot be read as a table ({one_line(error)}); save it as CSV in UTF-8.") from error
    if not rows:
        raise DataError(f"{path} is empty; write a line with the names of columns, and a path and a label a line.")
    folder = os.path.dirname(os.path.abspath(file))
    asked = next(csv.reader([columns]), []) if columns is not None else None
    place, has_names = _places(path, rows[0], folder, [own.strip() for own in asked] if asked else None)
    body = rows[1:] if has_names else rows
    if not body:
        raise DataError(f"{path} has no rows below the names of its columns; write a path and a label a line.")
    names = {use: rows[0][own] if has_names else str(own + 1) for use, own in place.items()}

    def cell(row: list[str], use: str) -> str | None:
        own = place.get(use)
        return row[own].strip() or None if own is not None and own < len(row) else None

    listed = [Row(cell(row, "path") or "", cell(row, "label"), cell(row, "split")) for row in body]
    return Table(file, [row for row in listed if row.name], names)


def read_names(path: Path) -> Iterator[str]:
    """Yields the paths that a table names, a row at a time, so that its length needs no memory.

    Raises:
        DataError: it cannot be read as a table, or no column is known to have paths.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        rows = _cells(path)
        first = next(rows, None)
        if first is None:
            return
        place, has_names = _places(str(path), first, folder, None)
        for row in rows if has_names else itertools.chain([first], rows):
            name = row[place["path"]].strip() if place["path"] < len(row) else ""
            if name:
                yield name
    except (csv.Error, OSError) as error:
        raise DataError(f"{path} cannot be read as a table ({one_line(error)}); save it as CSV in UTF-8.") from error


def _cells(file: Path) -> Iterator[list[str]]:
    with open_text(file) as opened:
        first = next((line for line in opened if line.strip()), "")
        delimiter = max(DELIMITERS, key=first.count)
        opened.seek(0)
        for row in csv.reader((line.replace("\r\n", "\n") for line in opened), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                yield row


def _places(path: str, first: list[str], folder: str, asked: list[str] | None) -> tuple[dict[str, int], bool]:
    """Finds the columns: their places by use, and whether the first row has their names."""
    uses = ("path", "label", "split")
    if asked is not None:
        if len(asked) > len(uses):
            raise DataError(
                f"--columns names {len(asked)} columns; give those of path, label and split, in this order."
            )
        names = [cell.strip() for cell in first]
        if all(own in names for own in asked):
            _refuse_doubled(path, names, asked)
            return {use: names.index(own) for use, own in zip(uses, asked, strict=False)}, True
        if all(own.isdecimal() and 1 <= int(own) <= len(first) for own in asked):
            place = {use: int(own) - 1 for use, own in zip(uses, asked, strict=False)}
            return place, not os.path.lexists(locate(first[place["path"]].strip(), folder))
        strange = next(own for own in asked if own not in names)
        raise DataError(f"{path} has no column {strange}, only {', '.join(names)}; name these with --columns.")
    if os.path.lexists(locate(first[0].strip(), folder)) and len(first) <= 2:
        return dict(zip(uses, range(len(first)), strict=False)), False
    plain = ["".join(letter for letter in cell.lower() if letter.isalnum()) for cell in first]
    place = {}
    for use, known in zip(uses, (PATHS, LABELS, SPLITS), strict=True):
        here = [own for own in known if own in plain]
        if here:
            _refuse_doubled(path, plain, here[:1])
            place[use] = plain.index(here[0])
    if "path" not in place:
        begins = ", ".join(cell.strip() for cell in first[: 2 * NAMED])
        raise DataError(
            f"{path} begins with {begins}, and no column is known to have paths of images; name the columns with "
            "--columns=PATH,LABEL, or count them, as --columns=1,2."
        )
    return place, True


def _refuse_doubled(path: str, names: list[str], used: Sequence[str]) -> None:
    """Rejects columns of which there are two by their names."""
    for name in used:
        if names.count(name) > 1:
            raise DataError(
                f"{path} has {names.count(name)} columns {shown(name)}, and which of them is meant cannot be told; "
                "count the columns, as --columns=1,2."
            )


def _are_splits(table: Table, name: str, *, given: bool) -> bool:
    """Whether the column of splits has names of splits.

    Raises:
        DataError: it has other values, and is called a split or was named as one.
    """
    found = sorted({row.split for row in table.rows if row.split is not None})
    if found and all(role_of(own) is not None for own in found):
        return True
    column = table.columns["split"]
    if not given and column.lower() not in ("split", "subset", "partition"):
        return False
    parts = ",".join(f"{'test' if own == found[-1] else 'train'}={own}" for own in found[:NAMED])
    raise DataError(
        f"column {column} of {name} has {', '.join(found[:NAMED]) or 'no values'}, which name no splits; say which are "
        f"with {command_line(f'--splits={parts}')}, or take all images for training with --splits=none."
    )
