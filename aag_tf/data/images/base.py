"""The protocol of a set of images that batches are fetched from by index, and images in memory."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.files.shapes import Shape
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window

__all__ = ["IN_MEMORY", "ArrayImages", "Images", "Shape", "Sources", "Storage", "empty_images"]

ALIGNMENT = 64  # bytes; TensorFlow's kernels take for granted that a tensor begins at a multiple of as many

# What views are cut from, by names that the images know.
Sources = dict[str, tf.Tensor]


class Storage(NamedTuple):
    """Where images come from each time they are fetched, which decides how reading them can be made faster.

    Args:
        kind: `memory`, `memory_map` (an array on a disk), `files`, `pack`, or `elements` (a data source in Python).
        pixels: whether a pack holds pixels, which are not decoded.
        side: of a pack, the shorter side in pixels that its larger pictures were scaled to.
    """

    kind: str
    pixels: bool = False
    side: int | None = None


IN_MEMORY = Storage("memory")


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

    @property
    def storage(self) -> Storage:
        """Where the images come from each time they are fetched; of several places, the one that is read."""
        return IN_MEMORY

    def check(self, indices: npt.ArrayLike) -> None:
        """Reads images as training does.

        Args:
            indices: integers [k].

        Raises:
            DataError: names an image that cannot be read, after several tries.
        """
        return None

    @property
    def shards(self) -> npt.NDArray[np.int64] | None:
        """Number of the file of a pack that each image is in, int64 [n]; `None` for images that are in no pack."""
        return None

    @property
    def has_sources(self) -> bool:
        """Whether `crops` can cut views out of the pictures that these images were made from."""
        return False

    def sources(self, indices: tf.Tensor) -> Sources:
        """Fetches what `crops` takes of several images at once; inside `tf.data.Dataset.map`.

        Args:
            indices: int64 [k].

        Returns:
            Tensors [k], among them `"aspect"`, width / height of the pictures, float32.

        Raises:
            TypeError: the images have no sources.
        """
        raise TypeError(f"{type(self).__name__} has no pictures to cut views from")

    def crops(self, source: Sources, windows: Window, sizes: Sequence[Size]) -> Views:
        """Cuts the views of one image out of the picture that it was made from; inside `tf.data.Dataset.map`.

        Args:
            source: of the image, a row of what `sources` returns.
            windows: of the views, float32 [views] each.
            sizes: height and width of each view.

        Returns:
            uint8 [views, h, w, c], of two sizes a tuple of two.

        Raises:
            TypeError: the images have no sources.
        """
        raise TypeError(f"{type(self).__name__} has no pictures to cut views from")


def empty_images(count: int, shape: Shape) -> npt.NDArray[np.uint8]:
    """Returns room for images, uint8 [count, *shape], which TensorFlow can read where it is."""
    size = count * math.prod(shape)
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].reshape(count, *shape)


class ArrayImages(Images):
    """Images in host memory, as one uint8 array [n, h, w, c].

    Args:
        array: the images.
        shared: whether to keep the array itself, which nobody changes afterwards, in place of a copy; it must be of
            `empty_images`.
    """

    def __init__(self, array: npt.NDArray[np.uint8], *, shared: bool = False) -> None:
        # An eager tensor is captured by reference in a `tf.data` graph, where a NumPy array would become a constant of
        # it and hit the 2 GB limit of a serialized graph. On the CPU, because that is where `tf.data` gathers.
        if shared and array.size:
            self._tensor = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
            return
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
