"""Images that are decoded from their files on every access."""

import concurrent.futures
import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.foreign_calls import ForeignCalls
from aag_tf.data.images import Images, Shape
from aag_tf.data.reasons import reason
from aag_tf.utils.errors import DataError

Decoder = Callable[[Any, Shape], npt.NDArray[np.uint8]]

PAUSES = (0.5, 1.0, 2.0)  # seconds before a file is tried again
ADVICE = " and start again; training goes on with --resume."


class FileImages(Images):
    """Images that a pool of threads decodes from their files each time they are fetched.

    TensorFlow's threads call Python for them: call `finish_reading` before an iterator is destroyed that was not read
    to its end (`aag_tf.data.foreign_calls`).

    Args:
        files: what `decode` takes, and whose text names a file.
        shape: of the images.
        decode: file and shape to an image.
    """

    def __init__(self, files: Sequence[Any], shape: Shape, decode: Decoder) -> None:
        self._files = list(files)
        self._shape = shape
        self._decode = decode
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self._calls = ForeignCalls()

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    def __len__(self) -> int:
        return len(self._files)

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        read = self._calls.counted(self.numpy, lambda numbers: np.zeros((np.size(numbers), *self._shape), np.uint8))
        pictures = tf.numpy_function(read, [indices], tf.uint8, stateful=False)
        return tf.ensure_shape(pictures, [*indices.shape, *self._shape])

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        numbers = np.asarray(indices, np.int64)
        pictures = np.empty((len(numbers), *self._shape), np.uint8)
        files = [self._files[number] for number in numbers]
        for row, picture in enumerate(self._pool.map(self._read, files)):
            pictures[row] = picture
        return pictures

    @override
    def finish_reading(self) -> None:
        self._calls.finish()

    def _read(self, file: Any) -> npt.NDArray[np.uint8]:
        return self._read_by(self._decode, file)

    def _read_by(self, decode: Decoder, file: Any) -> npt.NDArray[np.uint8]:
        try:
            return _patiently(lambda: decode(file, self._shape))
        except Exception as error:  # the file was readable when the data set was opened: name it
            raise DataError(f"{file} can no longer be read ({reason(error)}); put it back{ADVICE}") from error


def _patiently(read: Callable[[], npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """Tries again after an error of the system, as a network file system may have for a moment."""
    for pause in PAUSES:
        try:
            return read()
        except OSError as error:
            if error.errno is None:  # what Pillow raises for a damaged file
                raise
            time.sleep(pause)
    return read()


@contextlib.contextmanager
def report_lost_files() -> Iterator[None]:
    """Converts a TensorFlow error that wraps the `DataError` of `FileImages` back into that `DataError`.

    Raises:
        DataError: a file that was readable when its data set was opened can no longer be read.
    """
    try:
        yield
    except tf.errors.OpError as error:
        message = re.search(rf"DataError: (.* can no longer be read .*{re.escape(ADVICE)})", error.message)
        if message is None:
            raise
        raise DataError(message[1]) from error
