"""The protocol of a set of images that batches are fetched from by index, and images in memory."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.shapes import Shape
from aag_tf.data.windows import ChooseWindows

__all__ = ["ArrayImages", "Images", "Shape"]


class Images(Protocol):
    """A fixed number of images, all of one shape."""

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""

    def __len__(self) -> int: ...

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns images by index, eagerly or inside `tf.data.Dataset.map`: int64 [k] -> uint8 [k, h, w, c]."""

    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Returns images by index as an array: integers [k] -> uint8 [k, h, w, c]."""
        return self.fetch(tf.constant(np.asarray(indices, np.int64))).numpy()

    def finish_reading(self) -> None:
        """Waits until no thread reads images for an iterator that is no longer wanted; see `FileImages`."""
        return None

    @property
    def has_sources(self) -> bool:
        """Whether `crops` can cut views out of the pictures that these images were made from."""
        return False

    def crops(self, index: tf.Tensor, choose: ChooseWindows, size: tuple[int, int]) -> tf.Tensor:
        """Cuts the views of one image out of the picture that it was made from; inside `tf.data.Dataset.map`.

        Args:
            index: int64 scalar.
            choose: windows of the views from the picture's aspect.
            size: height and width of the views.

        Returns:
            uint8 [views, *size, c].

        Raises:
            TypeError: the images have no sources.
        """
        raise TypeError(f"{type(self).__name__} has no pictures to cut views from")


class ArrayImages(Images):
    """Images in host memory, as one uint8 array [n, h, w, c]."""

    def __init__(self, array: npt.NDArray[np.uint8]) -> None:
        # An eager tensor is captured by reference in a `tf.data` graph, where a NumPy array would become a constant of
        # it and hit the 2 GB limit of a serialized graph. On the CPU, because that is where `tf.data` gathers.
        with tf.device("CPU:0"):
            self._tensor = tf.convert_to_tensor(array)

    @property
    @override
    def shape(self) -> Shape:
        height, width, channels = self._tensor.shape[1:]
        return height, width, channels

    def __len__(self) -> int:
        return int(self._tensor.shape[0])

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            return tf.gather(self._tensor, indices)
