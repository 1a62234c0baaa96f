"""`tfrecord:`: files of `tf.train.Example`, each with an encoded image, read one after the other.

The name of a record is `FILE#NUMBER`, with the path below their common folder if two files have the same name.
What cannot be read behind a damaged record is left out; see `aag_tf.data.sources.tfrecords`.
"""

import dataclasses
import functools
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from aag_tf.config import InputConfig
from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.sources.tfrecords import (
    DAMAGE,
    DAMAGED,
    converting_errors,
    count_records,
    files_of,
    open_records,
    parse_example,
    picture_in,
    short_names,
)
from aag_tf.export.embedding.items import Input, Item
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path
from aag_tf.utils.progress import progress_bar

USUAL_FEATURES = ("image/encoded", "image")


@dataclasses.dataclass(frozen=True)
class ListedFile:
    """A file in the manifest, as `list_input` wrote it.

    Args:
        path: of the file.
        stamp: of the file when it was listed.
        readable: number of records.
        damaged: number of records that could not be read.
    """

    path: str
    stamp: tuple[int, int]
    readable: int
    damaged: int


LISTED = {"files": list[ListedFile], "image_feature": str | None, "rows": int}


def source_of(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes the files that match a name or pattern.

    Raises:
        DataError: no file matches.
    """
    pattern = os.path.abspath(user_path(rest))
    if not files_of(pattern):
        raise DataError(f"--input={config.input} matches no file; name TFRecord files, or a pattern with * or ?.")
    return {"source": pattern, "image_feature": config.image_feature}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether any of the files has a record, readable or not; opens each.

    Raises:
        DataError: a file cannot be opened.
    """
    found = False
    for path in files_of(source["source"]):
        with converting_errors(path):
            try:
                found = next(iter(open_records(path)), None) is not None or found
            except DAMAGE:
                found = True
    return found


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Counts the records of every file.

    Raises:
        DataError: a file cannot be opened.
    """
    files: list[dict[str, Any]] = []
    with progress_bar("counting records", None, "img") as bar:
        for path in files_of(source["source"]):
            stamp = stamp_of(path)
            with converting_errors(path):
                readable, damaged = count_records(path)
            files.append({"path": path, "stamp": stamp, "readable": readable, "damaged": damaged})
            bar.update(readable + damaged)
    rows = sum(file["readable"] + file["damaged"] for file in files)
    return {"files": files, "rows": rows, "digest": hashlib.sha256(json.dumps(files).encode()).hexdigest()}


def open_input(listing: dict[str, Any], directory: Path) -> "Records":
    """Opens the files whose records were counted.

    Raises:
        DataError: a file is gone or has changed.
    """
    for file in listing["files"]:
        stamp = stamp_of(file["path"])
        if stamp is None or list(stamp) != list(file["stamp"]):
            raise DataError(
                f"{file['path']} was changed or removed after its records were counted; put it back, or embed again "
                "with --overwrite."
            )
    return Records(listing)


class Records(Input):
    """The encoded images of TFRecord files."""

    def __init__(self, listing: dict[str, Any]) -> None:
        self._files, self._rows, self._feature = listing["files"], listing["rows"], listing["image_feature"]
        self._names = short_names([file["path"] for file in self._files])

    @override
    def __len__(self) -> int:
        return self._rows

    @override
    def items(self, start: int, stop: int) -> Iterator[Item]:
        before = 0
        for file in self._files:
            count = file["readable"] + file["damaged"]
            first, last = max(start - before, 0), min(stop - before, count)
            if first < last:
                yield from self._items_of(file, first, last)
            before += count

    def _items_of(self, file: dict[str, Any], start: int, stop: int) -> Iterator[Item]:
        name = self._names[file["path"]]
        good = min(stop, file["readable"])
        examples = open_records(file["path"]).skip(start).take(max(good - start, 0)).as_numpy_iterator()
        for number, example in enumerate(itertools.islice(examples, max(good - start, 0)), start):
            yield Item(f"{name}#{number}", functools.partial(_picture_in, example, self._feature))
        if stop > good:
            yield Item(f"{name}#{good}", _damaged)


def _picture_in(serialized: bytes, wanted: str | None) -> BinaryIO:
    return io.BytesIO(picture_in(parse_example(serialized), [wanted] if wanted else USUAL_FEATURES))


def _damaged() -> BinaryIO:
    raise DataError(DAMAGED)
