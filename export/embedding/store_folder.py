"""`--input=s3://bucket/folder`: the images of a folder of a store, which are read as they are needed and not kept."""

import functools
import hashlib
import io
import json
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from aag_tf.config import InputConfig
from aag_tf.data.files import pictures
from aag_tf.data.files.regular_file import require_bytes
from aag_tf.data.layouts.walking import is_visible
from aag_tf.export.embedding import file_lists
from aag_tf.export.embedding.file_lists import LIST_FILE, FileList
from aag_tf.export.embedding.items import Input, Item, read_line
from aag_tf.utils.errors import DataError
from aag_tf.utils.stores import Store, StoredFile

Line = tuple[str, int, str]


def source_of(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes a folder of a store, which the preflight has seen."""
    return {"source": rest.rstrip("/"), "root": rest.rstrip("/")}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether there is any image file."""
    return bool(_pictures(source))


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Writes the list `[path, bytes, version]` into the output's directory.

    Raises:
        StoreError: the store cannot be read.
        OSError: the list cannot be written.
    """
    found = _pictures(source)
    lines = [json.dumps([name, *file]).encode() + b"\n" for name, file in found.items()]
    content = b"".join(lines)
    (directory / LIST_FILE).write_bytes(content)
    return {"rows": len(lines), "digest": hashlib.sha256(content).hexdigest()}


def open_input(listing: dict[str, Any], directory: Path) -> Input:
    """Opens a list that was written.

    Raises:
        DataError: the list is gone or was changed.
        StoreError: the store cannot be used.
    """
    path = file_lists.intact_list(listing, directory)
    return _StoredList(path, listing)


class _StoredList(FileList):
    def __init__(self, path: Path, listing: dict[str, Any]) -> None:
        super().__init__(path, listing)
        self._store = Store(listing["root"])

    @override
    def _item(self, line: bytes) -> Item:
        name, size, version = read_line(line, Line, self._path)
        return Item(name, functools.partial(_open, self._store, name, StoredFile(size, version)))


def _open(store: Store, name: str, expected: StoredFile) -> BinaryIO:
    require_bytes(expected.size)
    content = store.read(name)
    # An S3 ETag is the MD5 of the content, except of objects that were uploaded in parts or are encrypted by a key.
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest not in expected.version and (store / name).list().get("") != expected:
        raise DataError("the file changed after the input was listed")
    return io.BytesIO(content)


def _pictures(source: dict[str, Any]) -> dict[str, StoredFile]:
    """The image files by name, in the order in which `walk_pictures` yields those of a folder."""
    return {name: file for name, file in Store(source["root"]).list().items() if _is_picture(name)}


def _is_picture(name: str) -> bool:
    *folders, file = name.split("/")
    return all(folder and is_visible(folder) for folder in folders) and pictures.is_picture(file)
