"""The images of a packed split, decoded when they are fetched."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data import pictures
from aag_tf.data.cropping import crop_jpeg, crop_picture
from aag_tf.data.file_images import FileImages
from aag_tf.data.images import Shape
from aag_tf.data.pack.records import read_image
from aag_tf.data.pack.shards import ShardedRecords, damaged
from aag_tf.data.reading import Reading
from aag_tf.data.reasons import reason
from aag_tf.data.windows import ChooseWindows


class PackImages(FileImages):
    """Images of a split that a pool of threads decodes, or raw ones of one shape.

    Args:
        directory: of the pack, for messages.
        records: of the split.
        shape: height, width and channels of every image.
        reading: how pictures are decoded; `None` where the records hold the pixels of images of this shape.
        cut: whether views are cut from the pictures themselves.
    """

    def __init__(
        self, directory: Path, records: ShardedRecords, shape: Shape, reading: Reading | None, *, cut: bool = False
    ) -> None:
        super().__init__((), shape, self._decode_record)
        self._directory, self._records, self._reading, self._cut = directory, records, reading, cut

    def __len__(self) -> int:
        return len(self._records)

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        numbers = np.asarray(indices, np.int64)
        records = self._records.read(numbers)
        pixels = np.empty((len(numbers), *self._shape), np.uint8)
        if self._reading is None:
            for row, record in enumerate(records):  # a copy of memory each, for which a thread would not pay
                pixels[row] = self._checked(int(numbers[row]), record)
            return pixels
        for row, picture in enumerate(self._pool.map(self._checked, numbers.tolist(), records)):
            pixels[row] = picture
        return pixels

    @property
    @override
    def has_sources(self) -> bool:
        return self._cut

    @override
    def crops(self, index: tf.Tensor, choose: ChooseWindows, size: tuple[int, int]) -> tf.Tensor:
        channels = self._shape[2]
        read = self._calls.counted(self._encoded, lambda _: (b"", False))
        encoded, plain = tf.numpy_function(read, [index], (tf.string, tf.bool), stateful=False)

        def from_python() -> tf.Tensor:
            whole = self._calls.counted(self._whole, lambda _: np.zeros((1, 1, channels), np.uint8))
            picture = tf.numpy_function(whole, [encoded], tf.uint8, stateful=False)
            return crop_picture(tf.ensure_shape(picture, [None, None, channels]), choose, size)

        def from_jpeg() -> tf.Tensor:
            return crop_jpeg(tf.ensure_shape(encoded, []), channels, choose, size)

        views = tf.cond(tf.ensure_shape(plain, []), from_jpeg, from_python)
        return tf.ensure_shape(views, [None, *size, channels])

    def _encoded(self, index: int) -> tuple[bytes, bool]:
        """Returns a picture, and whether TensorFlow decodes it as this package does."""
        assert self._reading is not None
        try:
            image = read_image(self._records.read([int(index)])[0])
            return image, pictures.read_header(io.BytesIO(image), self._reading.max_pixels).plain_jpeg
        except ValueError as error:
            raise damaged(f"image {index} of {self._directory}", reason(error)) from error

    def _whole(self, image: bytes) -> npt.NDArray[np.uint8]:
        assert self._reading is not None
        try:
            return pictures.decode_whole(io.BytesIO(image), self._shape[2], self._reading)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"an image of {self._directory}", reason(error)) from error

    def _checked(self, number: int, record: bytes) -> npt.NDArray[np.uint8]:
        try:
            return self._decode_record(record, self._shape)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"image {number} of {self._directory}", reason(error)) from error

    def _decode_record(self, record: bytes, shape: Shape) -> npt.NDArray[np.uint8]:
        image = read_image(record)
        if self._reading is None:
            return np.frombuffer(image, np.uint8).reshape(shape)
        return pictures.decode(io.BytesIO(image), shape, self._reading)
