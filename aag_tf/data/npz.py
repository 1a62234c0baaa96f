"""`npz:<path>`: a NumPy archive with `images`, and optionally `labels`, `test_images` and `test_labels`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.config import DataConfig
from aag_tf.config.reading import LARGEST_CHANNELS
from aag_tf.data import memory, resizing, sizes, value_range
from aag_tf.data.arrays import npz_path, read_arrays
from aag_tf.data.fitting import fitted
from aag_tf.data.formats.decoded import Decoded
from aag_tf.data.images import ArrayImages
from aag_tf.data.reading import Reading
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError

Pixels = npt.NDArray[Any]

IMAGES = ("images", "test_images")
LABELS = {"images": "labels", "test_images": "test_labels"}
KEYS = (*IMAGES, *LABELS.values())


def read_npz(path: str, config: DataConfig) -> Source:
    """Reads images, real numbers [n, h, w, c] or [n, h, w], and their labels if present, integers [n].

    uint8 images are taken as they are; the range of others is found as for image files (`aag_tf.data.value_range`).
    Nothing is unpickled, and an archive that unpacks to more than the memory limit is refused before it is read.

    Raises:
        DataError: the file is missing or not an archive of arrays, or its arrays have wrong names, types or shapes.
    """
    advice = "save the images as files and use --dataset=folder:<path>"
    arrays = read_arrays(npz_path(path), KEYS, limit=memory.MEMORY_LIMIT, advice=advice)
    if "images" not in arrays:
        raise DataError(f"{path} holds no array `images`; save it with numpy.savez(path, images=..., labels=...).")
    if "test_labels" in arrays and "test_images" not in arrays:
        raise DataError(f"{path} holds `test_labels` without `test_images`; save both or neither.")
    images = {key: _checked(path, key, arrays[key]) for key in IMAGES if key in arrays}
    agreed = images["images"].shape[1:3]
    sizes.warn_of_size(f"npz:{path}", agreed, config.image_size, config.reading.fit)
    reading = _reading(path, images, config)
    splits = {}
    for key, pixels in images.items():
        try:
            splits[key] = Split(_read(path, pixels, config, reading), arrays.get(LABELS[key]))
        except DataError as error:
            if LABELS[key] not in arrays:
                raise
            raise DataError(f"`{LABELS[key]}` of {path} does not fit `{key}`: {error}") from error
    return Source(name=f"npz:{path}", train=splits["images"], test=splits.get("test_images"), reading=reading)


def _checked(path: str, key: str, found: Pixels) -> Pixels:
    """Returns images as [n, h, w, c]."""
    if found.dtype == np.bool_:
        found = found * np.uint8(255)
    if found.dtype.kind not in "uif" or found.dtype.itemsize > 8:
        raise DataError(f"`{key}` of {path} is {found.dtype}; store real numbers, best uint8 values from 0 to 255.")
    images = found[..., np.newaxis] if found.ndim == 3 else found
    if images.ndim != 4 or images.shape[3] > LARGEST_CHANNELS or 0 in images.shape:
        raise DataError(
            f"`{key}` of {path} has shape {list(found.shape)}; it must be [n, height, width, channels] with up to "
            f"{LARGEST_CHANNELS} channels, or [n, height, width], and not be empty."
        )
    return images


def _reading(path: str, images: dict[str, Pixels], config: DataConfig) -> Reading:
    """Finds the range of values that are not uint8, in all images together."""
    deep = [image for pixels in images.values() if pixels.dtype != np.uint8 for image in pixels]
    if not deep:
        value_range.say_unused(f"npz:{path}", config.reading)
        return Reading.of(config.reading)
    counts = value_range.Counts(len(deep), sum(map(len, images.values())) - len(deep))
    sampled = (value_range.values_of(deep[number]) for number in value_range.sample(range(len(deep))))
    return Reading.of(config.reading, value_range.find_range(f"npz:{path}", config.reading, sampled, counts))


def _read(path: str, images: Pixels, config: DataConfig, reading: Reading) -> ArrayImages:
    channels = config.reading.channels or images.shape[3]
    shape = (*sizes.target_size(images.shape[1:3], config.image_size), channels)
    memory.require_memory(f"npz:{path}", len(images), shape)
    if images.dtype == np.uint8 and images.shape[3] == channels:
        return ArrayImages(resizing.fit_array(images, shape[:2], reading.fit))
    found = np.empty((len(images), *shape), np.uint8)
    for row, image in enumerate(images):
        try:
            found[row] = fitted(Decoded(image), shape, reading)
        except DataError as error:
            raise DataError(f"npz:{path} has images of {error}; name a number that they have.") from error
    return ArrayImages(found)
