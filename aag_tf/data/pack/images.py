"""The images of a packed split, decoded when they are fetched."""

import concurrent.futures
import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data import pictures
from aag_tf.data.images import Images, Shape
from aag_tf.data.pack.records import read_image
from aag_tf.data.pack.shards import ShardedRecords, damaged
from aag_tf.data.reading import Reading
from aag_tf.data.reasons import reason


class PackImages(Images):
    """Images of a split that a pool of threads decodes, or raw ones of one shape.

    Args:
        directory: of the pack, for messages.
        records: of the split.
        shape: height, width and channels of every image.
        reading: how pictures are decoded; `None` where the records hold the pixels of images of this shape.
    """

    def __init__(self, directory: Path, records: ShardedRecords, shape: Shape, reading: Reading | None) -> None:
        self._directory, self._records, self._shape, self._reading = directory, records, shape, reading
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    def __len__(self) -> int:
        return len(self._records)

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(self.numpy, [indices], tf.uint8, stateful=False)
        return tf.ensure_shape(pixels, [*indices.shape, *self._shape])

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        numbers = np.asarray(indices, np.int64)
        records = self._records.read(numbers)
        pixels = np.empty((len(numbers), *self._shape), np.uint8)
        if self._reading is None:
            for row, record in enumerate(records):  # a copy of memory each, for which a thread would not pay
                pixels[row] = self._read(int(numbers[row]), record)
            return pixels
        for row, picture in enumerate(self._pool.map(self._read, numbers.tolist(), records)):
            pixels[row] = picture
        return pixels

    def _read(self, number: int, record: bytes) -> npt.NDArray[np.uint8]:
        try:
            image = read_image(record)
            if self._reading is None:
                return np.frombuffer(image, np.uint8).reshape(self._shape)
            return pictures.decode(io.BytesIO(image), self._shape, self._reading)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"image {number} of {self._directory}", reason(error)) from error
