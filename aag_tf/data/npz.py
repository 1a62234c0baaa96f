"""`npz:<path>`: a NumPy archive with `images`, and optionally `labels`, `test_images` and `test_labels`."""

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data import memory, resizing
from aag_tf.data.arrays import Arrays, npz_path, read_arrays
from aag_tf.data.images import ArrayImages
from aag_tf.data.reading import Reading
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError

KEYS = ("images", "labels", "test_images", "test_labels")


def read_npz(path: str, config: DataConfig) -> Source:
    """Reads images, uint8 [n, h, w, c] or [n, h, w], and their labels if present, integers [n].

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
    resizing.warn_of_size(f"npz:{path}", arrays["images"].shape[1:3], config.image_size)
    return Source(
        name=f"npz:{path}",
        train=_split(path, arrays, "images", "labels", config),
        test=_split(path, arrays, "test_images", "test_labels", config) if "test_images" in arrays else None,
        reading=Reading.of(config.reading),
    )


def _split(path: str, arrays: Arrays, images_key: str, labels_key: str, config: DataConfig) -> Split:
    images = arrays[images_key]
    if images.dtype != np.uint8:
        raise DataError(f"`{images_key}` of {path} is {images.dtype}; store uint8 values from 0 to 255.")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"`{images_key}` of {path} has shape {list(arrays[images_key].shape)}; it must be [n, height, width, "
            "channels] with one or three channels, or [n, height, width], and not be empty."
        )
    size = resizing.target_size(images.shape[1:3], config.image_size)
    memory.require_memory(f"npz:{path}", len(images), (*size, images.shape[3]))
    try:
        return Split(ArrayImages(resizing.fit_array(images, size, config.reading.fit)), arrays.get(labels_key))
    except DataError as error:
        raise DataError(f"`{labels_key}` of {path} does not fit `{images_key}`: {error}") from error
