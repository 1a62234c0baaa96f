"""`tfrecord:`: files of `tf.train.Example`, each with an encoded image, read one after the other.

The name of a record is `FILE#NUMBER`, with the path below their common folder if two files have the same name.
TensorFlow checks every record's checksum and cannot read behind a damaged one: that counts as one image that cannot be
read, and the rest of its file is left out.
"""

import contextlib
import functools
import glob
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import EmbedConfig
from aag_tf.data.regular_file import require_bytes
from aag_tf.export.embedding.items import Input, Item, stamp_of
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path
from aag_tf.utils.progress import progress_bar

LISTED = ("files", "image_feature", "rows")
USUAL_FEATURES = ("image/encoded", "image")
DAMAGED = "the record is damaged, and so is the rest of its file"
DAMAGE = (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError)
GZIP, ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def source_of(rest: str, config: EmbedConfig) -> dict[str, Any]:
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
        with _converting_errors(path):
            try:
                found = next(iter(_dataset(path)), None) is not None or found
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
            with _converting_errors(path):
                readable, damaged = _count(path)
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
                f"{file['path']} was changed or removed after its records were counted; put it back, or start again "
                "with --overwrite."
            )
    return Records(listing)


class Records(Input):
    """The encoded images of TFRecord files."""

    def __init__(self, listing: dict[str, Any]) -> None:
        self._files, self._rows, self._feature = listing["files"], listing["rows"], listing["image_feature"]
        self._names = _short_names([file["path"] for file in self._files])

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
        examples = _dataset(file["path"]).skip(start).take(max(good - start, 0)).as_numpy_iterator()
        for number, example in enumerate(itertools.islice(examples, max(good - start, 0)), start):
            yield Item(f"{name}#{number}", functools.partial(_picture_in, example, self._feature))
        if stop > good:
            yield Item(f"{name}#{good}", _damaged)


def _short_names(paths: list[str]) -> dict[str, str]:
    """Maps paths to file names, or, if two are the same, to paths below their common folder."""
    names = {path: os.path.basename(path) for path in paths}
    if len(set(names.values())) == len(paths):
        return names
    shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    return {path: os.path.relpath(path, shared) for path in paths}


def files_of(pattern: str) -> list[str]:
    """Returns the file of this very name, or else those that match it as a pattern, sorted."""
    # A pattern may match folders.
    names = [pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True)
    return sorted(filter(os.path.isfile, names))


@contextlib.contextmanager
def _converting_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{path} cannot be read ({why}); fix that, or name files without it.") from error


def _dataset(path: str) -> tf.data.TFRecordDataset:
    with open(path, "rb") as file:
        start = file.read(2)
    compression = "GZIP" if start == GZIP else "ZLIB" if start in ZLIB else ""
    plain = tf.data.TFRecordDataset(path)
    # A plain file begins with its first record's length, which may be the same two bytes, such as 376.
    if not compression or _begins_well(plain):
        return plain
    return tf.data.TFRecordDataset(path, compression_type=compression)


def _begins_well(records: tf.data.TFRecordDataset) -> bool:
    try:
        next(iter(records))
    except DAMAGE:  # a length has a checksum, which compressed bytes do not match
        return False
    return True


def _count(path: str) -> tuple[int, int]:
    """Counts the readable records, and the damaged one behind them: 0 or 1."""
    try:
        return int(_dataset(path).reduce(np.int64(0), lambda count, record: count + 1)), 0
    except DAMAGE:
        pass
    count = 0  # again, one by one, up to the damaged one
    records = iter(_dataset(path))
    try:
        while next(records, None) is not None:
            count += 1
    except DAMAGE:
        return count, 1
    return count, 0


def _picture_in(serialized: bytes, wanted: str | None) -> BinaryIO:
    require_bytes(len(serialized))
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except Exception as error:  # of a class that differs between versions of protobuf
        raise DataError("the record is no tf.train.Example") from error
    names = [wanted] if wanted else USUAL_FEATURES
    for name in names:
        if name in features and features[name].bytes_list.value:
            return io.BytesIO(features[name].bytes_list.value[0])
    raise DataError(f"no bytes in the feature {' or '.join(names)}; the record has {_some(sorted(features))}")


def _some(names: list[str]) -> str:
    """The first names, shortened: they come from untrusted files and go into the output."""
    return ", ".join([*(name[:50] for name in names[:5]), *(["..."] if len(names) > 5 else [])])


def _damaged() -> BinaryIO:
    raise DataError(DAMAGED)
