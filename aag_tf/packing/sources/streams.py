"""A finite `tf.data.Dataset` that Python passes, as pixels of one size."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import DataConfig
from aag_tf.data.files import sizes
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images.python_calls import end_iterators_at_exit
from aag_tf.data.sources.given import Element, element_of, fitted
from aag_tf.packing.items import Item, ItemSource
from aag_tf.utils.errors import DataError


class StreamItems(ItemSource):
    """The elements of a `tf.data.Dataset`, each an image or an image with its label; batches are taken apart.

    Args:
        dataset: finite.
        config: `image_size` and `reading` apply.

    Raises:
        DataError: it is infinite or empty, or its elements are no uint8 images.
    """

    def __init__(self, dataset: tf.data.Dataset, config: DataConfig) -> None:
        if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise DataError("the tf.data.Dataset never ends; leave out repeat(), since training repeats it itself.")
        self._dataset = _without_batches(dataset)
        self._how = config.reading.fit
        found: set[tuple[int, int]] = set()
        count, channels = 0, 0
        for element in self._elements():  # once to count them, for their number may be unknown
            found.add((element.image.shape[0], element.image.shape[1]))
            channels = max(channels, element.image.shape[2])
            count += 1
        if count == 0:
            raise DataError("the tf.data.Dataset has no elements; pass one that has.")
        agreed = found.pop() if len(found) == 1 else None
        sizes.warn_of_size("the tf.data.Dataset", agreed, config.image_size)
        self._count = count
        self._shape = (*sizes.target_size(agreed, config.image_size), channels)

    @property
    @override
    def facts(self) -> dict[str, Any]:
        return {"dataset": "tf.data.Dataset", "digest": ""}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {"train": self._count}

    @property
    @override
    def class_names(self) -> None:
        return None

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    @property
    @override
    def size(self) -> int:
        return self._count * int(np.prod(self._shape))

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        for number, element in enumerate(self._elements(), start):
            pixels = fitted(element.image, self._shape, self._how)
            yield Item(str(number), element.label, functools.partial(np.asarray, pixels))

    def _elements(self) -> Iterator[Element]:
        end_iterators_at_exit()  # somebody else's pipeline may call Python
        for number, value in enumerate(self._dataset.as_numpy_iterator()):
            try:
                yield element_of(value)
            except DataError as error:
                raise DataError(f"element {number} of the tf.data.Dataset cannot be read: {error}.") from error


def _without_batches(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Takes batches apart: an image has two or three dimensions."""
    spec = dataset.element_spec
    image = next(iter(spec.values())) if isinstance(spec, dict) else spec[0] if isinstance(spec, tuple) else spec
    rank = getattr(getattr(image, "shape", None), "rank", None)
    return dataset.unbatch() if rank == 4 else dataset
