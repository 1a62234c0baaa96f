"""`folder:`, `list:` and `csv:`: image files, listed once into a file of the output.

The list has a line `[path, bytes, modified]` in JSON for each image (`[path, null, null]` for one that is missing, and
`[path, null, null, true]` for one that was there and is gone), and is read and written a line at a time: ten million
files take a gigabyte of disk and no memory. An update holds their names in memory.
"""

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from aag_tf.config import InputConfig
from aag_tf.config.reading import LARGEST_MAX_PIXELS
from aag_tf.data.files import pictures
from aag_tf.data.files.pages import Page
from aag_tf.data.files.stamps import Stamp, stamp_of
from aag_tf.data.layouts import lists, tables
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.lists import is_text, locate
from aag_tf.data.layouts.walking import walk_pictures
from aag_tf.export.embedding.items import GONE, Input, Item, open_listed, read_line
from aag_tf.export.embedding.manifest import FOLLOW, PAGES
from aag_tf.export.embedding.output import UPDATE_LIST_FILE
from aag_tf.export.embedding.output_directory import LIST_FILE
from aag_tf.preflight.embed import not_a_folder
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path
from aag_tf.utils.progress import progress_bar

LISTED = {"root": str, "rows": int, "digest": str}
Line = tuple[str, int | None, int | None] | tuple[str, None, None, bool]
LINE_OF_A_FILE = 3  # entries; one that is gone has another


def source_of_folder(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes a folder.

    Raises:
        DataError: there is no such folder.
    """
    path = user_path(rest).absolute()
    if not path.is_dir():
        raise not_a_folder(config.input)
    return {"source": str(path), "root": str(path), FOLLOW: config.follow_symlinks}


def source_of_list(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes a text file of paths, or a table with a column of paths, with its digest.

    Raises:
        DataError: the file cannot be read, or is not a text.
    """
    path = user_path(rest).absolute()
    try:
        text = is_text(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"--input={config.input} cannot be read ({error.strerror}); name a list of paths.") from error
    if not text:
        raise DataError(
            f"--input={config.input} is no text, so it cannot be a list of paths; to embed one picture, name its "
            "folder or write its path into a list; TFRecord files go behind tfrecord:."
        )
    return {"source": str(path), "root": str(Path.cwd()), "source_digest": digest}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether there is any image file."""
    return next(_files(source), None) is not None


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Writes the list into the output's directory.

    Raises:
        DataError: the list of paths cannot be read.
        OSError: the list in the output's directory cannot be written.
    """
    return _write(directory / LIST_FILE, (_line(source, name) for name in _names(source)))


def list_update(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Writes the list of an update beside the list that it starts from, whose rows keep their numbers.

    Raises:
        DataError: the list of paths cannot be read.
        OSError: the list in the output's directory cannot be read or written.
    """
    left: dict[str, int] = {}  # a list may name a file twice
    for name in _names(source):
        left[name] = left.get(name, 0) + 1

    def lines() -> Iterator[Line]:
        with (directory / LIST_FILE).open("rb") as before:
            for number in before:
                name, size, _, *gone = read_line(number, Line, before.name)
                line = _line(source, name) if left.get(name) else (name, None, None)
                left[name] = left.get(name, 0) - 1
                was_there = size is not None or any(gone)
                yield (name, None, None, True) if line[1] is None and was_there else line
        for name, count in left.items():
            for _ in range(count):
                yield _line(source, name)

    return _write(directory / UPDATE_LIST_FILE, lines())


def changed_rows(directory: Path) -> Iterator[tuple[int, str]]:
    """Yields the rows in which the list of an update differs, each with what it is: `new`, `changed` or `gone`."""
    with (directory / LIST_FILE).open("rb") as before, (directory / UPDATE_LIST_FILE).open("rb") as after:
        for row, (old, now) in enumerate(itertools.zip_longest(before, after)):
            if old is None:
                yield row, "new"
            elif old != now:
                yield row, "gone" if len(read_line(now, Line, after.name)) > LINE_OF_A_FILE else "changed"


def count_unlisted(listing: dict[str, Any], directory: Path) -> tuple[int, int]:
    """Returns how many files of the input are not in its list, and how many of the list are no longer in the input."""
    with (directory / LIST_FILE).open("rb") as file:
        lines = (read_line(line, Line, file.name) for line in file)
        listed = {line[0] for line in lines if len(line) == LINE_OF_A_FILE}
    found = set(_names(listing))
    return len(found - listed), len(listed - found)


def _line(source: dict[str, Any], name: str) -> Line:
    return (name, *(stamp_of(_place(source, name)) or (None, None)))


def _write(path: Path, lines: Iterable[Line]) -> dict[str, Any]:
    digest = hashlib.sha256()
    rows = 0
    with path.open("wb") as file, progress_bar("listing images", None, "file") as bar:
        for entry in lines:
            line = json.dumps(entry).encode() + b"\n"
            file.write(line)
            digest.update(line)
            rows += 1
            bar.update()
        file.flush()
        os.fsync(file.fileno())
    return {"rows": rows, "digest": digest.hexdigest()}


def open_input(listing: dict[str, Any], directory: Path, name: str = LIST_FILE) -> "FileList":
    """Opens a list that was written.

    Raises:
        DataError: the list is gone or was changed.
    """
    return FileList(intact_list(listing, directory, name), listing)


def intact_list(listing: dict[str, Any], directory: Path, name: str = LIST_FILE) -> Path:
    """Returns the file of a list, after comparing it with its digest.

    Raises:
        DataError: it is gone or was changed.
    """
    path = directory / name
    try:
        with path.open("rb") as file:
            intact = hashlib.file_digest(file, "sha256").hexdigest() == listing["digest"]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); embed again with --overwrite.") from error
    if not intact:
        raise DataError(f"{path} was changed since it was written; embed again with --overwrite.")
    return path


class FileList(Input):
    """Listed image files.

    Args:
        path: of the list.
        listing: the input, with its number of lines.
    """

    def __init__(self, path: Path, listing: dict[str, Any]) -> None:
        self._path, self._listing = path, listing

    @override
    def __len__(self) -> int:
        return int(self._listing["rows"])

    @override
    def items(self, start: int, stop: int) -> Iterator[Item]:
        with self._path.open("rb") as file:
            for line in itertools.islice(file, start, stop):
                yield self._item(line)

    def items_of(self, numbers: Iterable[int]) -> Iterator[Item]:
        """The images of some rows, in ascending order."""
        with self._path.open("rb") as file:
            before = 0
            for number in numbers:
                yield self._item(next(itertools.islice(file, number - before, None)))
                before = number + 1

    def file_paths(self) -> Iterator[str]:
        """The absolute paths of the files of all images, whether they are there or not."""
        with self._path.open("rb") as file:
            for line in file:
                yield os.path.abspath(_place(self._listing, read_line(line, Line, self._path)[0]))

    def _item(self, line: bytes) -> Item:
        name, size, modified, *gone = read_line(line, Line, self._path)
        if any(gone):
            return Item(name, _gone)
        stamp = None if size is None else Stamp(size, modified)
        page = _page_of(self._listing, name)
        return Item(name, functools.partial(open_listed, _place(self._listing, name), stamp), page.number)


def _gone() -> BinaryIO:
    raise DataError(GONE)


def _names(source: dict[str, Any]) -> Iterator[str]:
    """Yields the names of images: of files, or of their pages where the encoder was trained on each."""
    for name in _files(source):
        yield name
        if PAGES in source:
            yield from (str(Page(name, number)) for number in range(1, _count_pages(_place(source, name))))


def _count_pages(path: str) -> int:
    try:
        return pictures.read_header(path, LARGEST_MAX_PIXELS).pages
    except Exception:  # why it cannot be read is said in its row
        return 1


def _page_of(source: dict[str, Any], name: str) -> Page:
    return Page.named(name) if PAGES in source else Page(name)


def _files(source: dict[str, Any]) -> Iterator[str]:
    match source["kind"]:
        case "folder":
            return walk_pictures(source["root"], Links(source.get(FOLLOW, True) is True))
        case "csv":
            return tables.read_names(Path(source["source"]))
    return lists.read_names(Path(source["source"]))


def _place(source: dict[str, Any], name: str) -> str:
    """Returns the path that an image is opened by: of a list, beside it or in the directory that it was listed from."""
    path = _page_of(source, name).path
    if source["kind"] == "folder":
        return os.path.join(source["root"], path)
    return locate(path, os.path.dirname(source["source"]), source["root"])
