"""Texts that list image files, a path a line, as they come from editors, spreadsheets and other systems.

- A relative path is looked for beside the list, then in the working directory.
- Empty lines, and lines that begin with `#` and name no file, are left out. Quotes around a path are removed, and a
  byte order mark and the line ends of Windows do not matter.
- `a\\b.png` means `a/b.png` where there is no file of the first name.
"""

import codecs
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from aag_tf.config import DataConfig
from aag_tf.data.layouts.listing import Found, LeftOut, Listing, arrange, left_out_files
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path

SNIFFED_BYTES = 4096
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Listed(NamedTuple):
    """A line of a list.

    Args:
        name: as the list has it.
        path: that it is opened by; there may be no such file.
    """

    name: str
    path: str


def list_of_paths(path: str, config: DataConfig) -> Listing:
    """Lists the files that a text names: `list:<path>`.

    Folders above the files name splits and classes, as in the smallest folder that holds them all.

    Raises:
        DataError: the text is missing or names no file.
    """
    name = f"list:{path}"
    lines = list(read_list(text_path(path, "list")))
    if not lines:
        raise DataError(f"{path} names no files; write a path of an image a line.")
    found, gone = existing([Found(line.path, line.name) for line in lines])
    if not found:
        raise none_exists(name, lines[0].name, lines[0].path, len(lines))
    return arrange(name, below_common(found), config.layout, before=gone)


def read_list(path: Path) -> Iterator[Listed]:
    """Yields the files that a text names, a line at a time, so that its length needs no memory.

    Raises:
        DataError: it can no longer be read.
    """
    folder = os.path.dirname(os.path.abspath(path))
    return (Listed(name, locate(name, folder)) for name in read_names(path))


def read_names(path: Path) -> Iterator[str]:
    """Yields the names that a text has, without comments and quotes.

    Raises:
        DataError: it can no longer be read.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with open_text(path) as file:
            for line in file:
                name = _name_in(line.rstrip("\r\n"), folder)
                if name:
                    yield name
    except OSError as error:
        raise DataError(f"{path} can no longer be read ({error.strerror}); restore it and start again.") from error


def locate(name: str, folder: str, working: str | None = None) -> str:
    """Returns the path that a line of a list or a table means, absolute; there may be no such file.

    Args:
        name: as written.
        folder: of the list.
        working: the working directory; `None` for that of this process.
    """
    written = os.path.expanduser(name) if name.startswith("~") else name
    tried = [written] if "\\" not in written else [written, written.replace("\\", "/")]
    places = [os.path.abspath(os.path.join(base, each)) for each in tried for base in (folder, working or os.getcwd())]
    return next((place for place in places if os.path.lexists(place)), places[0])


def text_path(path: str, scheme: str) -> Path:
    """Returns the file that `list:<path>` or `csv:<path>` names.

    Raises:
        DataError: there is none, or it is no text.
    """
    file = user_path(path)
    if not file.is_file():
        raise DataError(f"{path} is not a file; --dataset={scheme}:<path> names a text with a path a line.")
    start = _start_of(file)
    if not _is_text(start):
        raise DataError(f"{path} is no text, so that it cannot list files; {_kind_of(path, start)}")
    return file


def is_text(path: Path) -> bool:
    """Whether a file is a text.

    Raises:
        OSError: it cannot be read.
    """
    return _is_text(_start_of(path))


def open_text(path: Path) -> TextIO:
    """Opens a text in UTF-8, or in UTF-16 if it begins with its mark; other bytes become surrogates, as in paths."""
    with path.open("rb") as opened:
        encoding = MARKS.get(opened.read(2), "utf-8-sig")
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return path.open(encoding=encoding, errors=errors, newline="\n")


def existing(files: Sequence[Found]) -> tuple[list[Found], tuple[LeftOut, ...]]:
    """Returns the files that exist, each once, and what was left out, by the names in `key`.

    Raises:
        DataError: a file is listed with two labels.
    """
    known: dict[str, Found] = {}
    again, missing = [], []
    for file in files:
        before = known.get(file.path)
        if before is not None:
            if before.label != file.label:
                raise DataError(
                    f"{file.key} is listed with the labels {before.label} and {file.label}; keep one of them, or train "
                    "without labels by --labels=none."
                )
            again.append(file)
        elif os.path.exists(file.path):
            known[file.path] = file
        else:
            missing.append(file)
    return list(known.values()), (*left_out_files(missing, "that are missing"), *left_out_files(again, "listed again"))


def below_common(files: Sequence[Found]) -> list[Found]:
    """Returns the files with their paths below the smallest folder that holds them all as keys."""
    root = os.path.commonpath([os.path.dirname(file.path) for file in files])
    return [file._replace(key=os.path.relpath(file.path, root)) for file in files]


def none_exists(name: str, first: str, path: str, count: int) -> DataError:
    """The error for a list or a table of which no file exists."""
    return DataError(
        f"none of the {count:,} files of {name} exists; {first}, for one, would be {path}: write paths that are "
        "absolute, or relative to the list or the working directory."
    )


def _name_in(line: str, folder: str) -> str:
    """Returns the path in a line, empty for a comment."""
    text = line.strip()
    if not text or (text[0] not in "#\"'"):
        return line if text else ""
    if os.path.lexists(locate(line, folder)):  # a name that begins so
        return line
    if text[0] == "#":
        return ""
    quoted = len(text) > 1 and text[-1] == text[0]
    return text[1:-1].replace(text[0] * 2, text[0]) if quoted else line


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SNIFFED_BYTES)


def _is_text(start: bytes) -> bool:
    return b"\0" not in start or start[:2] in MARKS


def _kind_of(path: str, start: bytes) -> str:
    if start[:4] == b"PK\3\4":
        return f"for an archive of NumPy, give --dataset=npz:{path}; a table is saved as .csv."
    if start[257:262] == b"ustar":
        return f"for an archive of images, give --dataset=tar:{path}."
    return "save it as UTF-8 text with a path a line."
