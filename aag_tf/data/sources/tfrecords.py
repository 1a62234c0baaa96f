"""TFRecord files of unknown origin: found by a pattern, opened whatever their compression, and counted.

TensorFlow checks every record's checksum and cannot read behind a damaged one: that counts as one record that cannot be
read, and the rest of its file is left out.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from aag_tf.data.files.regular_file import require_bytes
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import matching

DAMAGED = "the record is damaged, and so is the rest of its file"
DAMAGE = (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError)
GZIP, ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def files_of(pattern: str) -> list[str]:
    """Returns the file of this very name, or else those that match it as a pattern, sorted."""
    # A pattern may match folders.
    names = [pattern] if os.path.isfile(pattern) else matching(pattern)
    return sorted(filter(os.path.isfile, names))


def short_names(paths: list[str]) -> dict[str, str]:
    """Maps paths to file names, or, if two are the same, to paths below their common folder."""
    names = {path: os.path.basename(path) for path in paths}
    if len(set(names.values())) == len(paths):
        return names
    shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    return {path: os.path.relpath(path, shared) for path in paths}


@contextlib.contextmanager
def converting_errors(path: str) -> Iterator[None]:
    """Converts errors of opening a file.

    Raises:
        DataError: the block could not open it.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{path} cannot be read ({why}); fix that, or name files without it.") from error


def open_records(path: str) -> tf.data.TFRecordDataset:
    """Returns the records of a file, plain or compressed."""
    with open(path, "rb") as file:
        start = file.read(2)
    compression = "GZIP" if start == GZIP else "ZLIB" if start in ZLIB else ""
    plain = tf.data.TFRecordDataset(path)
    # A plain file begins with its first record's length, which may be the same two bytes, such as 376.
    if not compression or _begins_well(plain):
        return plain
    return tf.data.TFRecordDataset(path, compression_type=compression)


def count_records(path: str) -> tuple[int, int]:
    """Counts the readable records, and the damaged one behind them: 0 or 1."""
    try:
        return int(open_records(path).reduce(np.int64(0), lambda count, record: count + 1)), 0
    except DAMAGE:
        pass
    count = 0  # again, one by one, up to the damaged one
    records = iter(open_records(path))
    try:
        while next(records, None) is not None:
            count += 1
    except DAMAGE:
        return count, 1
    return count, 0


def parse_example(record: bytes) -> Any:
    """Returns the features of a record, by name.

    Raises:
        DataError: it is no `tf.train.Example`, or is too large for one picture.
    """
    require_bytes(len(record))
    try:
        return tf.train.Example.FromString(record).features.feature
    except Exception as error:  # of a class that differs between versions of protobuf
        raise DataError("the record is no tf.train.Example") from error


def picture_in(features: Any, names: Sequence[str]) -> bytes:
    """Returns the bytes of the first feature that has some, of those named.

    Args:
        features: of a record.
        names: of features.

    Raises:
        DataError: none of them has bytes.
    """
    for name in names:
        if name in features and features[name].bytes_list.value:
            return features[name].bytes_list.value[0]
    raise DataError(f"no bytes in the feature {' or '.join(names)}; the record has {_some(sorted(features))}")


def _begins_well(records: tf.data.TFRecordDataset) -> bool:
    try:
        next(iter(records))
    except DAMAGE:  # a length has a checksum, which compressed bytes do not match
        return False
    return True


def _some(names: list[str]) -> str:
    """The first names, shortened: they come from untrusted files and go into the output."""
    return ", ".join([*(name[:50] for name in names[:5]), *(["..."] if len(names) > 5 else [])])
