"""Pixels: those of `npz:`, of raw packs and of built-in data sets, and images that Python passes."""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from aag_tf.data import fingerprint
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images.base import Images
from aag_tf.data.splits import Source, Split
from aag_tf.packing.items import Item, ItemSource

FETCHED_AT_ONCE = 2**24  # bytes


class SourceItems(ItemSource):
    """The splits that a data set has itself, as pixels.

    Args:
        source: the data set.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        parts = {"train": source.train, "validation": source.validation, "test": source.test}
        self._parts: dict[str, Split] = {name: split for name, split in parts.items() if split is not None}

    @property
    @override
    def facts(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for name, split in self._parts.items():
            labels = b"" if split.labels is None else split.labels.tobytes()
            digest.update(f"{name} {fingerprint(split.images)} {hashlib.sha256(labels).hexdigest()}\n".encode())
        return {"dataset": self._source.name, "digest": digest.hexdigest()}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {name: len(split) for name, split in self._parts.items()}

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._source.class_names

    @property
    @override
    def shape(self) -> Shape:
        return self._source.image_shape

    @property
    @override
    def size(self) -> int:
        return sum(self.splits.values()) * int(np.prod(self.shape))

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        part = self._parts[split]
        at_once = max(1, FETCHED_AT_ONCE // int(np.prod(self.shape)))
        for first in range(start, stop, at_once):
            numbers = range(first, min(first + at_once, stop))
            for number, pixels in zip(numbers, _fetch(part.images, numbers), strict=True):
                label = None if part.labels is None else int(part.labels[number])
                yield Item(f"{split}/{number}", label, functools.partial(np.asarray, pixels))


def _fetch(images: Images, numbers: range) -> npt.NDArray[np.uint8]:
    return images.numpy(np.arange(numbers.start, numbers.stop))
