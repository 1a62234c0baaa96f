"""Images that are decoded from their files on every access."""

import concurrent.futures
import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.files.reasons import reason
from aag_tf.data.files.trying import without_frames
from aag_tf.data.images.base import Images, Shape, Storage
from aag_tf.data.images.python_calls import call_python, pause
from aag_tf.utils.errors import DataError, disk_reason

Decoder = Callable[[Any, Shape], npt.NDArray[np.uint8]]
Result = TypeVar("Result")

PAUSES = (0.5, 1.0, 2.0)  # seconds before a file is tried again
ADVICE = " and start again; training goes on with --resume."


class FileImages(Images):
    """Images that a pool of threads decodes from their files each time they are fetched.

    Args:
        files: what `decode` takes, and whose text names a file.
        shape: of the images.
        decode: file and shape to an image.
    """

    def __init__(self, files: Sequence[Any], shape: Shape, decode: Decoder) -> None:
        self._files = files
        self._shape = shape
        self._decode = decode
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    @property
    @override
    def shape(self) -> Shape:
        return self._shape

    def __len__(self) -> int:
        return len(self._files)

    @override
    def fetch(self, indices: tf.Tensor) -> tf.Tensor:
        pictures = call_python(self.numpy, [indices], tf.uint8)
        return tf.ensure_shape(pictures, [*indices.shape, *self._shape])

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        files = [self._files[number] for number in np.asarray(indices, np.int64)]
        return self._read_all(self._read, files)

    @property
    @override
    def storage(self) -> Storage:
        return Storage("files")

    @override
    def check(self, indices: npt.ArrayLike) -> None:
        self.numpy(indices)

    def _read_all(self, read: Callable[..., npt.NDArray[np.uint8]], *of_each: Sequence[Any]) -> npt.NDArray[np.uint8]:
        """Reads images by several threads, all of them again after an error that may pass.

        The threads do not wait between tries: Python waits for them when it ends.
        """
        pictures = np.empty((len(of_each[0]), *self._shape), np.uint8)

        def read_once() -> npt.NDArray[np.uint8]:
            for row, picture in enumerate(self._pool.map(read, *of_each)):
                pictures[row] = picture
            return pictures

        return patiently(read_once)

    def _read(self, file: Any) -> npt.NDArray[np.uint8]:
        return self._read_by(self._decode, file)

    def _read_by(self, decode: Decoder, file: Any) -> npt.NDArray[np.uint8]:
        try:
            return decode(file, self._shape)
        except Exception as error:  # the file was readable when the data set was opened: name it
            raise DataError(f"{file} can no longer be read ({reason(error)}); put it back{ADVICE}") from error


def patiently(read: Callable[[], Result]) -> Result:
    """Reads, and tries again after a `DataError` whose cause may pass: one of the system, as of a network's disk."""
    for seconds in PAUSES:
        try:
            return read()
        except DataError as error:
            may_pass = isinstance(error.__cause__, Exception) and disk_reason(error.__cause__) is not None
            if not may_pass or pause(seconds):
                raise
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
        lost = lost_file(error)
        if lost is None:
            raise
        raise lost from without_frames(error)  # which would keep the iterator that failed


def lost_file(error: Exception) -> DataError | None:
    """Returns the `DataError` of `FileImages` that an error of TensorFlow wraps; `None` for other errors."""
    message = re.search(rf"DataError: (.* can no longer be read .*{re.escape(ADVICE)})", str(error))
    return None if message is None else DataError(message[1])
