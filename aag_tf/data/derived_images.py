"""Images that are made from other images without a copy: selected, joined or transformed."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.images import Images, Shape
from aag_tf.data.windows import ChooseWindows
from aag_tf.utils.errors import DataError


class SelectedImages(Images):
    """A selection of other images: image `i` is `images[rows[i]]`."""

    def __init__(self, images: Images, rows: npt.ArrayLike) -> None:
        self._images: Images = images
        numbers = np.asarray(rows, np.int64)
        if isinstance(images, SelectedImages):  # compose the rows, so that a fetch looks up one index, not several
            self._images, numbers = images._images, images._rows.numpy()[numbers]
        with tf.device("CPU:0"):
            self._rows: tf.Tensor = tf.constant(numbers)

    @property
    @override
    def shape(self) -> Shape:
        return self._images.shape

    def __len__(self) -> int:
        return int(self._rows.shape[0])

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            return self._images.fetch(tf.gather(self._rows, indices))

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        return self._images.numpy(self._rows.numpy()[np.asarray(indices, np.int64)])

    @override
    def finish_reading(self) -> None:
        self._images.finish_reading()

    @property
    @override
    def has_sources(self) -> bool:
        return self._images.has_sources

    @override
    def crops(self, index: tf.Tensor, choose: ChooseWindows, size: tuple[int, int]) -> tf.Tensor:
        return self._images.crops(tf.gather(self._rows, index), choose, size)


class JoinedImages(Images):
    """The images of several sources of one shape, one source after the other.

    Raises:
        DataError: the sources have different shapes.
    """

    def __init__(self, parts: Sequence[Images]) -> None:
        shapes = sorted({tuple(part.shape) for part in parts})
        if len(shapes) != 1:
            raise DataError(f"images of shapes {shapes} cannot be joined; bring them to one shape first.")
        self._parts = list(parts)
        self._starts = np.cumsum([0, *map(len, parts)])

    @property
    @override
    def shape(self) -> Shape:
        return self._parts[0].shape

    def __len__(self) -> int:
        return int(self._starts[-1])

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            owners = tf.searchsorted(tf.constant(self._starts[1:], tf.int64), indices, side="right")
            numbers = tf.dynamic_partition(indices, owners, len(self._parts))
            places = tf.dynamic_partition(tf.range(tf.shape(indices)[0]), owners, len(self._parts))
            pictures = [
                part.fetch(number - int(start))
                for part, number, start in zip(self._parts, numbers, self._starts[:-1], strict=True)
            ]
            return tf.ensure_shape(tf.dynamic_stitch(places, pictures), [*indices.shape, *self.shape])

    @override
    def finish_reading(self) -> None:
        for part in self._parts:
            part.finish_reading()

    @property
    @override
    def has_sources(self) -> bool:
        return all(part.has_sources for part in self._parts)

    @override
    def crops(self, index: tf.Tensor, choose: ChooseWindows, size: tuple[int, int]) -> tf.Tensor:
        owner = tf.searchsorted(tf.constant(self._starts[1:], tf.int64), index[tf.newaxis], side="right")[0]
        cut = [
            functools.partial(part.crops, index - int(start), choose, size)
            for part, start in zip(self._parts, self._starts[:-1], strict=True)
        ]
        return tf.switch_case(owner, cut)


class TransformedImages(Images):
    """Other images, each transformed when it is fetched by a pure function of the image and its index.

    Args:
        images: the images to transform.
        transform: maps images uint8 [k, h, w, c] and their indices int64 [k] to uint8 [k, *shape] with TensorFlow
            operations.
        shape: shape of a transformed image; `None` means unchanged.
    """

    def __init__(
        self, images: Images, transform: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], shape: Shape | None = None
    ) -> None:
        self._images = images
        self._transform = transform
        self._shape = shape or images.shape

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    def __len__(self) -> int:
        return len(self._images)

    @override
    def finish_reading(self) -> None:
        self._images.finish_reading()

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(self._transform(self._images.fetch(indices), indices), [*indices.shape, *self._shape])
