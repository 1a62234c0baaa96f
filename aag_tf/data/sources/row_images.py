"""Images that are read from an array on a disk each time they are fetched, and those read into memory at once."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from aag_tf.data.files import resizing
from aag_tf.data.files.fitting import fitted
from aag_tf.data.files.formats.decoded import Decoded
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images.base import ArrayImages, Storage, empty_images
from aag_tf.data.images.file_images import ADVICE, FileImages
from aag_tf.data.sources.array_rows import ArrayRows
from aag_tf.utils.errors import DataError
from aag_tf.utils.progress import progress_bar

CONVERTED_AT_ONCE = 2**22  # bytes of the array


@dataclasses.dataclass(frozen=True, eq=False)
class Conversion:
    """From rows of an array to images.

    Args:
        name: of the data set, for messages.
        rows: real numbers or truth values, [n, h, w, c] or [n, h, w].
        shape: height, width and channels of the images.
        reading: has the range of values that are not uint8, and what becomes of another aspect.
    """

    name: str
    rows: ArrayRows
    shape: Shape
    reading: Reading

    @property
    def at_once(self) -> int:
        """Rows that take little memory."""
        return max(1, CONVERTED_AT_ONCE // max(1, int(np.prod(self.rows.shape[1:])) * self.rows.dtype.itemsize))

    @property
    def keeps_pixels(self) -> bool:
        """Whether rows are images as they are."""
        return self.rows.dtype == np.uint8 and (*self.rows.shape[1:], 1)[:3] == self.shape

    def images(self, found: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Converts some rows.

        Raises:
            DataError: they do not have the channels that are wanted.
        """
        pixels = as_pixels(found)
        if pixels.dtype == np.uint8 and pixels.shape[3] == self.shape[2]:
            return resizing.fit_array(pixels, self.shape[:2], self.reading.fit)
        images = np.empty((len(pixels), *self.shape), np.uint8)
        for row, image in enumerate(pixels):
            try:
                images[row] = fitted(Decoded(image), self.shape, self.reading)
            except DataError as error:
                raise DataError(f"{self.name} has images of {error}; name a number that they have.") from error
        return images


class RowImages(FileImages):
    """Images of an array that need not fit into memory.

    Args:
        conversion: of its rows.
        advice: what to do if the array can no longer be read.
    """

    def __init__(self, conversion: Conversion, advice: str = ADVICE) -> None:
        super().__init__((), conversion.shape, lambda number, _: self.numpy([number])[0])
        self._conversion, self._advice = conversion, advice

    def __len__(self) -> int:
        return len(self._conversion.rows)

    @property
    @override
    def storage(self) -> Storage:
        return Storage("memory_map")

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        conversion, numbers = self._conversion, np.asarray(indices, np.int64)
        images = np.empty((len(numbers), *self._shape), np.uint8)
        for start in range(0, len(numbers), conversion.at_once):
            some = slice(start, start + conversion.at_once)
            try:
                found = conversion.rows.read(numbers[some])
            except Exception as error:
                why = reason(error)
                raise DataError(f"{conversion.name} can no longer be read ({why}); restore it{self._advice}") from error
            images[some] = conversion.images(found)
        return images


def load(conversion: Conversion) -> ArrayImages:
    """Reads all images into memory, and little beside.

    Raises:
        DataError: they do not have the channels that are wanted.
        Exception: the archive is damaged.
    """
    rows = conversion.rows
    images = empty_images(len(rows), conversion.shape)
    with progress_bar("reading images", len(rows), "img") as bar:
        for start in range(0, len(rows), conversion.at_once):
            some = images[start : start + conversion.at_once]
            if conversion.keeps_pixels:
                rows.unpack(some.reshape(-1, *rows.shape[1:]), start)
            else:
                found = np.empty((len(some), *rows.shape[1:]), rows.dtype)
                rows.unpack(found, start)
                some[:] = conversion.images(found)
            bar.update(len(some))
    rows.close()
    return ArrayImages(images, shared=True)


def as_pixels(found: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns rows as [n, h, w, c], truth values as black and white."""
    if found.dtype == np.bool_:
        found = found * np.uint8(255)
    return found[..., np.newaxis] if found.ndim == 3 else found
