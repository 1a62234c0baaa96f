"""The common size of all images of a data set, and the resizing to it."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.utils.log import logger

Size = tuple[int, int]

LARGEST_KEPT = 256  # pixels: larger images are scaled to DEFAULT_SIZE
DEFAULT_SIZE = 224  # pixels: usual for ImageNet encoders
CHUNK = 256  # images that are resized at a time


def target_size(agreed: Size | None, image_size: int | None) -> Size:
    """Returns the height and width that all images of a data set are scaled to.

    Args:
        agreed: height and width of all images, or `None` if they differ.
        image_size: value of `--image_size`, the side of a square; `None` keeps `agreed` if neither side is above 256,
            and otherwise means 224.
    """
    if image_size is not None:
        return image_size, image_size
    return agreed if agreed is not None and max(agreed) <= LARGEST_KEPT else (DEFAULT_SIZE, DEFAULT_SIZE)


def warn_of_size(name: str, agreed: Size | None, image_size: int | None) -> None:
    """Logs a warning if images are scaled although no `--image_size` was given.

    Args:
        name: name of the data set.
        agreed: as in `target_size`.
        image_size: as in `target_size`.
    """
    size = target_size(agreed, image_size)
    if image_size is not None or size == agreed:
        return
    found = "images of several sizes" if agreed is None else f"images of {agreed[0]}x{agreed[1]}"
    logger.warning(
        "%s has %s: each is scaled and cropped to %dx%d; --image_size chooses another size.", name, found, *size
    )


def fit(images: tf.Tensor, size: Size) -> tf.Tensor:
    """Crops the largest centered rectangle of the wanted aspect, then scales it (bilinear, antialiased).

    This gives the same picture as scaling first and cropping then, with less work.

    Args:
        images: uint8 [..., h, w, c], one image or a batch.
        size: wanted height and width.

    Returns:
        uint8 [..., *size, c].
    """
    if tuple(images.shape[-3:-1]) == size:
        return images
    found = tf.shape(images)[-3:-1]
    fitted = tf.cond(tf.reduce_all(found == tf.constant(size)), lambda: images, lambda: _scaled(images, found, size))
    return tf.ensure_shape(fitted, [*images.shape[:-3], *size, images.shape[-1]])


def _scaled(images: tf.Tensor, found: tf.Tensor, size: Size) -> tf.Tensor:
    height, width = tf.unstack(found)
    crop_height = tf.maximum(1, tf.minimum(height, width * size[0] // size[1]))
    crop_width = tf.maximum(1, tf.minimum(width, height * size[1] // size[0]))
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    crop = images[..., top : top + crop_height, left : left + crop_width, :]
    return tf.cast(tf.round(tf.image.resize(crop, size, method="bilinear", antialias=True)), tf.uint8)


def fit_array(images: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """`fit` for a whole data set in chunks, to save memory: uint8 [n, h, w, c] -> uint8 [n, *size, c]."""
    if images.shape[1:3] == size:
        return images
    fitted = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for start in range(0, len(images), CHUNK):
        fitted[start : start + CHUNK] = fit(tf.constant(images[start : start + CHUNK]), size).numpy()
    return fitted
