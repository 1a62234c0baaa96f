"""Images whose views are cut out of their files at full resolution."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.cropping import crop_jpeg, crop_picture
from aag_tf.data.file_images import Decoder, FileImages
from aag_tf.data.shapes import Shape
from aag_tf.data.windows import ChooseWindows

# A file to its picture at its own size, uint8 [h, w, c].
WholeDecoder = Callable[[Any], npt.NDArray[np.uint8]]


class SourceImages(FileImages):
    """Images of files; `fetch` gives each whole picture scaled to one shape, `crops` cuts out of the picture itself.

    Args:
        files: what the decoders take, and whose text names a file.
        shape: height, width and channels that `fetch` scales to.
        decode: decodes a file to a shape.
        decode_whole: decodes a file at its own size.
        plain_jpeg: bool [n], the files whose text is a path and which TensorFlow decodes as `decode_whole` does.
            Python decodes the others.
    """

    def __init__(
        self,
        files: Sequence[Any],
        shape: Shape,
        decode: Decoder,
        decode_whole: WholeDecoder,
        plain_jpeg: npt.NDArray[np.bool_],
    ) -> None:
        super().__init__(files, shape, decode)
        self._decode_whole = decode_whole
        with tf.device("CPU:0"):
            self._names = tf.constant([os.fsencode(str(file)) for file in files])
            self._plain_jpeg = tf.constant(plain_jpeg)

    @property
    @override
    def has_sources(self) -> bool:
        return True

    @override
    def crops(self, index: tf.Tensor, choose: ChooseWindows, size: tuple[int, int]) -> tf.Tensor:
        channels = self.shape[2]

        def from_python() -> tf.Tensor:
            whole = self._calls.counted(self._whole, lambda _: np.zeros((1, 1, channels), np.uint8))
            picture = tf.numpy_function(whole, [index], tf.uint8, stateful=False)
            return crop_picture(tf.ensure_shape(picture, [None, None, channels]), choose, size)

        def from_jpeg() -> tf.Tensor:
            return crop_jpeg(tf.io.read_file(tf.gather(self._names, index)), channels, choose, size)

        views = tf.cond(tf.gather(self._plain_jpeg, index), from_jpeg, from_python)
        return tf.ensure_shape(views, [None, *size, channels])

    def _whole(self, index: int) -> npt.NDArray[np.uint8]:
        return self._read_by(lambda file, _: self._decode_whole(file), self._files[int(index)])
