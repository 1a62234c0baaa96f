"""`tfrecord:`: files of `tf.train.Example`, each with an encoded picture and maybe a label."""

import functools
import itertools
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from typing_extensions import override

from aag_tf.config import PackConfig
from aag_tf.data.sources import tfrecords
from aag_tf.packing.items import Item, ItemSource
from aag_tf.packing.sources.counted_files import CountedFiles
from aag_tf.packing.sources.file_splits import files_by_split
from aag_tf.packing.sources.labels import IMAGE_NAMES, LABEL_NAMES, NO_LABELS, Labels
from aag_tf.utils.errors import DataError, PackError
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores import FRESH_SECONDS, fetched


class TfrecordItems(ItemSource):
    """The pictures of TFRecord files.

    Args:
        dataset: value of `--dataset`.
        files: of each split, with how many of their records can be read; a damaged one behind them counts as one.
        labels: how a value of the label's feature becomes a number.
        images: names of the feature with the picture; the first that is there counts.
    """

    def __init__(
        self, dataset: str, files: dict[str, dict[str, tuple[int, int]]], labels: Labels, images: tuple[str, ...]
    ) -> None:
        self._dataset, self._labels, self._images = dataset, labels, images
        self._files = CountedFiles(files)
        self._readable = {path: readable for part in files.values() for path, (readable, _) in part.items()}

    @property
    @override
    def facts(self) -> dict[str, Any]:
        digest = self._files.digest(self._images, self._labels.names, self.class_names)
        return {"dataset": self._dataset, "digest": digest}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return self._files.splits

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._labels.class_names

    @property
    @override
    def size(self) -> int:
        return self._files.size

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        for path, first, last in self._files.parts(split, start, stop):
            yield from self._items_of(path, first, last)

    def _items_of(self, path: str, start: int, stop: int) -> Iterator[Item]:
        name, good = self._files.names[path], min(stop, self._readable[path])
        wanted = max(good - start, 0)
        records = tfrecords.open_records(path).skip(start).take(wanted).as_numpy_iterator()
        number = start
        try:
            for record in itertools.islice(records, wanted):
                # The label is needed at once, the picture in a thread.
                yield Item(f"{name}#{number}", self._label(record), functools.partial(self._picture, record))
                number += 1
        except tf.errors.OpError as error:
            raise PackError(f"{path} can no longer be read ({type(error).__name__}); restore it.") from error
        if number < good:
            raise PackError(f"{path} ends at record {number}; it was changed meanwhile: restore it.")
        if stop > good:
            yield Item(f"{name}#{good}", None, _damaged)

    def _picture(self, record: bytes) -> bytes:
        return tfrecords.picture_in(tfrecords.parse_example(record), self._images)

    def _label(self, record: bytes) -> int | None:
        value = value_in(record, self._labels.names)
        return None if value is None else self._labels.number(value)


def open_tfrecords(rest: str, config: PackConfig) -> TfrecordItems:
    """Counts the records of files, and looks at their labels.

    Raises:
        DataError: no file matches, or one cannot be opened.
    """
    path = fetched(rest, fresh_seconds=FRESH_SECONDS).absolute()
    pattern = os.path.join(path, "**", "*tfrecord*") if path.is_dir() else str(path)
    paths = tfrecords.files_of(pattern)
    if not paths:
        raise DataError(
            f"--dataset={config.data.dataset} matches no file; name TFRecord files, a pattern with * or ?, or their "
            "folder."
        )
    names = () if config.label_feature == NO_LABELS else _names(config.label_feature, LABEL_NAMES)
    labels = Labels(names)
    files: dict[str, dict[str, tuple[int, int]]] = {}
    with progress_bar("counting records", None, "img") as bar:
        for split, own in files_by_split(paths).items():
            files[split] = {}
            for each in own:
                with tfrecords.converting_errors(each):
                    files[split][each] = _count(each, labels)
                bar.update(sum(files[split][each]))
    labels.finish()
    return TfrecordItems(config.data.dataset, files, labels, _names(config.image_feature, IMAGE_NAMES))


def value_in(record: bytes, names: tuple[str, ...]) -> int | str | None:
    """Returns the first value of the first feature, of those named, that has one; `None` if none has."""
    try:
        features = tfrecords.parse_example(record)
    except DataError:  # said where the picture is read
        return None
    for name in names:
        if name in features:
            feature = features[name]
            if feature.int64_list.value:
                return int(feature.int64_list.value[0])
            if feature.bytes_list.value:
                return feature.bytes_list.value[0].decode(errors="backslashreplace")
    return None


def _count(path: str, labels: Labels) -> tuple[int, int]:
    """Returns how many records can be read, and 1 for a damaged one behind them."""
    count = 0
    try:
        for record in tfrecords.open_records(path).as_numpy_iterator():
            labels.see(value_in(record, labels.names))
            count += 1
    except tfrecords.DAMAGE:
        return count, 1
    return count, 0


def _names(given: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if given else usual


def _damaged() -> bytes:
    raise DataError(tfrecords.DAMAGED)
