"""Images that Python passes: an array, a memory map, or any data source with `__len__` and `__getitem__`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import DataConfig
from aag_tf.data.files import resizing, sizes
from aag_tf.data.files.reasons import reason
from aag_tf.data.images.base import IN_MEMORY, Images, Shape, Storage
from aag_tf.data.images.derived_images import TransformedImages
from aag_tf.data.images.file_images import ADVICE, FileImages
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError

NAME = "the images that were passed to train()"
IMAGE_KEYS, LABEL_KEYS = ("image", "img", "pixel_values", "x"), ("label", "labels", "y", "target")
SAMPLES = 32  # elements that are looked at to learn whether all have one size


@runtime_checkable
class RandomAccess(Protocol):
    """A data source that returns its elements by number, as those of grain, PyTorch and TensorFlow Datasets do."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class Element(NamedTuple):
    """One element of a data source: uint8 [h, w, c], and its label where it has one."""

    image: npt.NDArray[np.uint8]
    label: int | None


def given_source(images: RandomAccess, labels: npt.ArrayLike | None, config: DataConfig) -> Source:
    """Makes a data set of images that Python passes; nothing is copied.

    Args:
        images: uint8 [n, h, w, c] or [n, h, w], or a data source whose elements `element_of` reads. It is read by
            several threads at once.
        labels: integers [n]; `None` for images without labels.
        config: `image_size` and `reading` apply.

    Returns:
        A source with a train split only.

    Raises:
        DataError: there are none, or they are no uint8 images.
    """
    if len(images) == 0:
        raise DataError(f"{NAME} are none; pass at least two.")
    array = array_of(images)
    if array is not None:
        given: Images = GivenArray(array)
        size = sizes.target_size(given.shape[:2], config.image_size)
        sizes.warn_of_size(NAME, given.shape[:2], config.image_size)
        channels = given.shape[2]
        if size != given.shape[:2]:
            given = TransformedImages(
                given, lambda pixels, _: resizing.fit(pixels, size, config.reading.fit), (*size, channels)
            )
    else:
        agreed, channels = _look_at(images)
        sizes.warn_of_size(NAME, agreed, config.image_size)
        shape = (*sizes.target_size(agreed, config.image_size), channels)
        given = GivenElements(images, shape, config.reading.fit)
    known = None if labels is None else np.asarray(labels)
    return Source(NAME, Split(given, known))


def array_of(images: Any) -> npt.NDArray[np.uint8] | None:
    """Returns an array of images as uint8 [n, h, w, c], a memory map as it is; `None` for what is no array.

    Raises:
        DataError: its values or its shape are not those of images.
    """
    if not isinstance(images, np.ndarray):
        return None
    if images.dtype != np.uint8:
        raise DataError(f"{NAME} are {images.dtype}; pass uint8 values from 0 to 255.")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or 0 in images.shape:
        raise DataError(f"{NAME} have shape {list(images.shape)}; it must be [n, height, width, channels].")
    return images


def element_of(value: Any) -> Element:
    """Reads an element of a data source.

    Args:
        value: an image, a pair of image and label, or a mapping with one of `IMAGE_KEYS` and maybe of `LABEL_KEYS`; an
            image is uint8 [h, w, c] or [h, w], as an array, a tensor or a picture of Pillow.

    Raises:
        DataError: it is none of these.
    """
    label = None
    if isinstance(value, Mapping):
        image = next((value[key] for key in IMAGE_KEYS if key in value), None)
        label = next((value[key] for key in LABEL_KEYS if key in value), None)
        if image is None:
            raise DataError(f"an element has the keys {', '.join(map(str, value))}; name that of the image `image`")
    elif isinstance(value, tuple | list):
        image, label = value[0], value[1] if len(value) > 1 else None
    else:
        image = value
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise DataError(f"an element is {pixels.dtype}; its image must be uint8, from 0 to 255")
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise DataError(f"an element has shape {list(pixels.shape)}; its image must be [height, width, channels]")
    number = np.asarray(-1 if label is None else label)
    whole = number.ndim == 0 and np.issubdtype(number.dtype, np.integer)
    return Element(pixels, int(number) if whole and number >= 0 else None)


class GivenArray(FileImages):
    """Images of an array or a memory map, of which only those that are fetched are copied.

    Args:
        array: uint8 [n, h, w, c].
    """

    def __init__(self, array: npt.NDArray[np.uint8]) -> None:
        height, width, channels = array.shape[1:]
        super().__init__((), (height, width, channels), lambda row, _: array[row])
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    @property
    @override
    def storage(self) -> Storage:
        return Storage("memory_map") if isinstance(self._array, np.memmap) else IN_MEMORY

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        return np.asarray(self._array[np.asarray(indices, np.int64)])


class GivenElements(FileImages):
    """Images of a data source, read by a pool of threads each time they are fetched.

    Args:
        elements: the data source.
        shape: height, width and channels that its images are brought to.
        how: what becomes of another aspect; see `aag_tf.data.files.resizing.fit`.
    """

    def __init__(self, elements: RandomAccess, shape: Shape, how: str) -> None:
        super().__init__((), shape, lambda number, _: self._element(number))
        self._elements, self._how = elements, how

    def __len__(self) -> int:
        return len(self._elements)

    @property
    @override
    def storage(self) -> Storage:
        return Storage("elements")

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        return self._read_all(self._element, np.asarray(indices, np.int64).tolist())

    def _element(self, number: int) -> npt.NDArray[np.uint8]:
        try:
            image = element_of(self._elements[number]).image
            return fitted(image, self._shape, self._how)
        except Exception as error:  # of somebody else's code
            raise DataError(f"images[{number}] can no longer be read ({reason(error)}); mend it{ADVICE}") from error


def fitted(image: npt.NDArray[np.uint8], shape: Shape, how: str) -> npt.NDArray[np.uint8]:
    """Brings an image to a size: uint8 [h, w, c] -> uint8 [*shape].

    Raises:
        DataError: it has other channels.
    """
    if image.shape[2] != shape[2]:
        raise DataError(f"it has {image.shape[2]} channels and others have {shape[2]}; give all the same")
    if image.shape == shape:
        return image
    with tf.device("CPU:0"):
        return resizing.fit(tf.constant(image), shape[:2], how).numpy()


def _look_at(elements: RandomAccess) -> tuple[tuple[int, int] | None, int]:
    """Returns the size of a sample of the images (`None` if they differ), and their channels."""
    numbers: Sequence[int] = np.unique(np.linspace(0, len(elements) - 1, SAMPLES).round().astype(int)).tolist()
    found: set[tuple[int, int]] = set()
    channels: set[int] = set()
    for number in numbers:
        try:
            image = element_of(elements[number]).image
            again = element_of(elements[number]).image if number == 0 else image
        except Exception as error:  # of somebody else's code
            raise DataError(f"images[{number}] cannot be read ({reason(error)}); mend it.") from error
        if image.shape != again.shape or not np.array_equal(image, again):
            raise DataError(
                "images[0] is another image every time it is read, and a run could not be resumed; pass images without "
                "random changes, which training draws itself."
            )
        found.add((image.shape[0], image.shape[1]))
        channels.add(image.shape[2])
    if len(channels) > 1:
        raise DataError(f"{NAME} have {' and '.join(map(str, sorted(channels)))} channels; give all the same.")
    return found.pop() if len(found) == 1 else None, channels.pop()
