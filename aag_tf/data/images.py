"""Images that batches are fetched from by number: in memory, on disk, or a selection of another's."""

import concurrent.futures
import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.utils.errors import DataError, one_line

Shape = tuple[int, int, int]
Decoder = Callable[[str, Shape], npt.NDArray[np.uint8]]

WHAT_THEN = " and start again; training goes on with --resume."


class Images(Protocol):
    """A fixed number of images, all of one shape."""

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""

    def __len__(self) -> int:
        """How many images there are."""

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number, eagerly or inside `tf.data.Dataset.map`: int64 [k] -> uint8 [k, h, w, c]."""

    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Images by number as an array: integers [k] -> uint8 [k, h, w, c]."""
        return self.fetch(tf.constant(np.asarray(indices, np.int64))).numpy()


class ArrayImages(Images):
    """Images in host memory, as one uint8 array [n, h, w, c]."""

    def __init__(self, array: npt.NDArray[np.uint8]) -> None:
        # An eager tensor is captured by reference in a `tf.data` graph, where a NumPy array would become a constant of
        # it and hit the 2 GB limit of a serialized graph. On the CPU, because that is where `tf.data` gathers.
        with tf.device("CPU:0"):
            self._tensor = tf.convert_to_tensor(array)

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        height, width, channels = self._tensor.shape[1:]
        return height, width, channels

    def __len__(self) -> int:
        """How many images there are."""
        return int(self._tensor.shape[0])

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number: int64 [k] -> uint8 [k, h, w, c]."""
        with tf.device("CPU:0"):
            return tf.gather(self._tensor, indices)


class FileImages(Images):
    """Images that are decoded from their files each time they are asked for, by a pool of threads."""

    def __init__(self, paths: Sequence[str], shape: Shape, decode: Decoder) -> None:
        self._paths = list(paths)
        self._shape = shape
        self._decode = decode
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        return self._shape

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._paths)

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number: int64 [k] -> uint8 [k, h, w, c]."""
        pictures = tf.numpy_function(self.numpy, [indices], tf.uint8, stateful=False)
        return tf.ensure_shape(pictures, [*indices.shape, *self._shape])

    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Images by number: integers [k] -> uint8 [k, h, w, c]."""
        numbers = np.asarray(indices, np.int64)
        pictures = np.empty((len(numbers), *self._shape), np.uint8)
        paths = [self._paths[number] for number in numbers]
        for row, picture in enumerate(self._pool.map(self._read, paths)):
            pictures[row] = picture
        return pictures

    def _read(self, path: str) -> npt.NDArray[np.uint8]:
        try:
            return self._decode(path, self._shape)
        except Exception as error:  # it could be read when the data set was opened: say which file went
            raise DataError(f"{path} can no longer be read ({one_line(error)}); put it back{WHAT_THEN}") from error


@contextlib.contextmanager
def report_lost_files() -> Iterator[None]:
    """Says which file of `FileImages` went, where TensorFlow wraps the error that said so into one of its own.

    Raises:
        DataError: a file that could be read when its data set was opened can no longer be.
    """
    try:
        yield
    except tf.errors.OpError as error:
        told = re.search(rf"DataError: (.* can no longer be read .*{re.escape(WHAT_THEN)})", error.message)
        if told is None:
            raise
        raise DataError(told[1]) from error


class SelectedImages(Images):
    """Some of another's images, without a copy: image `i` is the other's image `rows[i]`."""

    def __init__(self, images: Images, rows: npt.ArrayLike) -> None:
        self._images = images
        with tf.device("CPU:0"):
            self._rows = tf.constant(np.asarray(rows, np.int64))

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        return self._images.shape

    def __len__(self) -> int:
        """How many images there are."""
        return int(self._rows.shape[0])

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number: int64 [k] -> uint8 [k, h, w, c]."""
        with tf.device("CPU:0"):
            return self._images.fetch(tf.gather(self._rows, indices))

    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Images by number: integers [k] -> uint8 [k, h, w, c]."""
        return self._images.numpy(self._rows.numpy()[np.asarray(indices, np.int64)])


class JoinedImages(Images):
    """The images of several sources of one shape, one after the other, without a copy."""

    def __init__(self, parts: Sequence[Images]) -> None:
        shapes = sorted({tuple(part.shape) for part in parts})
        if len(shapes) != 1:
            raise DataError(f"images of shapes {shapes} cannot be joined; bring them to one shape first.")
        self._parts = list(parts)
        self._starts = np.cumsum([0, *map(len, parts)])

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        return self._parts[0].shape

    def __len__(self) -> int:
        """How many images there are."""
        return int(self._starts[-1])

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number: int64 [k] -> uint8 [k, h, w, c]."""
        with tf.device("CPU:0"):
            owners = tf.searchsorted(tf.constant(self._starts[1:], tf.int64), indices, side="right")
            numbers = tf.dynamic_partition(indices, owners, len(self._parts))
            places = tf.dynamic_partition(tf.range(tf.shape(indices)[0]), owners, len(self._parts))
            pictures = [
                part.fetch(number - int(start))
                for part, number, start in zip(self._parts, numbers, self._starts[:-1], strict=True)
            ]
            return tf.ensure_shape(tf.dynamic_stitch(places, pictures), [*indices.shape, *self.shape])


class TransformedImages(Images):
    """Another's images, each changed as it is fetched by a pure function of the picture and its number.

    Args:
        images: what is changed.
        transform: uint8 [k, h, w, c] and the numbers int64 [k] -> uint8 [k, *shape]; TensorFlow operations.
        shape: of the result, the same as before by default.
    """

    def __init__(
        self, images: Images, transform: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], shape: Shape | None = None
    ) -> None:
        self._images = images
        self._transform = transform
        self._shape = shape or images.shape

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        return self._shape

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._images)

    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        """Images by number: int64 [k] -> uint8 [k, h, w, c]."""
        return tf.ensure_shape(self._transform(self._images.fetch(indices), indices), [*indices.shape, *self._shape])
