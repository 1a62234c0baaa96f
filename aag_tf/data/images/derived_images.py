"""Images that are made from other images without a copy: selected, joined or transformed."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.images.base import IN_MEMORY, Images, Shape, Sources, Storage
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window
from aag_tf.utils.errors import DataError


class _OfOthers(Images):
    """Images that are read whenever others are.

    Args:
        images: the others.
    """

    def __init__(self, images: Images) -> None:
        self._images = images

    @property
    @override
    def storage(self) -> Storage:
        return self._images.storage


class SelectedImages(_OfOthers):
    """A selection of other images: image `i` is `images[rows[i]]`."""

    def __init__(self, images: Images, rows: npt.ArrayLike) -> None:
        numbers = np.asarray(rows, np.int64)
        if isinstance(images, SelectedImages):  # compose the rows, so that a fetch looks up one index, not several
            numbers, images = images._rows.numpy()[numbers], images._images
        super().__init__(images)
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
    def check(self, indices: npt.ArrayLike) -> None:
        self._images.check(self._rows.numpy()[np.asarray(indices, np.int64)])

    @property
    @override
    def shards(self) -> npt.NDArray[np.int64] | None:
        shards = self._images.shards
        return None if shards is None else shards[self._rows.numpy()]

    @property
    @override
    def has_sources(self) -> bool:
        return self._images.has_sources

    @override
    def sources(self, indices: tf.Tensor) -> Sources:
        with tf.device("CPU:0"):
            return self._images.sources(tf.gather(self._rows, indices))

    @override
    def crops(self, source: Sources, windows: Window, sizes: Sequence[Size]) -> Views:
        return self._images.crops(source, windows, sizes)


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

    @property
    @override
    def storage(self) -> Storage:
        return next((part.storage for part in self._parts if part.storage != IN_MEMORY), IN_MEMORY)


class TransformedImages(_OfOthers):
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
        super().__init__(images)
        self._transform = transform
        self._shape = shape or images.shape

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    def __len__(self) -> int:
        return len(self._images)

    @property
    @override
    def shards(self) -> npt.NDArray[np.int64] | None:
        return self._images.shards

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(self._transform(self._images.fetch(indices), indices), [*indices.shape, *self._shape])
