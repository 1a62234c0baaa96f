"""Resizes images in memory to the common size of a data set."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config import ReadingConfig
from aag_tf.data.files.sizes import Size

CHUNK = 256  # images that are resized at a time


def fit(images: tf.Tensor, size: Size, how: str = ReadingConfig.fit) -> tf.Tensor:
    """Scales images to a size (bilinear, antialiased); one rounding.

    Args:
        images: uint8, or float levels in [0, 255] that are not rounded yet, [..., h, w, c]; one image or a batch.
        size: wanted height and width.
        how: where the aspect differs, `crop` the largest centered rectangle of the wanted aspect first, `pad` with
            black beside the whole image, or `stretch` it.

    Returns:
        uint8 [..., *size, c].
    """
    return _where_size_differs(images, size, rounded, lambda found: rounded(SCALED[how](images, found, size)))


def fit_levels(levels: tf.Tensor, size: Size, how: str = ReadingConfig.fit) -> tf.Tensor:
    """`fit` without the rounding: levels in [0, 255], float32 [..., h, w, c] -> float32 [..., *size, c]."""
    return _where_size_differs(levels, size, tf.identity, lambda found: SCALED[how](levels, found, size))


def rounded(levels: tf.Tensor) -> tf.Tensor:
    """Rounds levels in [0, 255], half to even, to uint8; uint8 stays as it is."""
    return levels if levels.dtype == tf.uint8 else tf.cast(tf.round(levels), tf.uint8)


def _where_size_differs(
    images: tf.Tensor, size: Size, same: Callable[[tf.Tensor], tf.Tensor], scaled: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Returns `same(images)` for images of this size, otherwise `scaled` of their height and width."""
    if tuple(images.shape[-3:-1]) == size:
        return same(images)
    found = tf.shape(images)[-3:-1]
    fitted = tf.cond(tf.reduce_all(found == tf.constant(size)), lambda: same(images), lambda: scaled(found))
    return tf.ensure_shape(fitted, [*images.shape[:-3], *size, images.shape[-1]])


def _cropped(images: tf.Tensor, found: tf.Tensor, size: Size) -> tf.Tensor:
    # Cropping first gives the same picture as scaling first, with less work.
    height, width = tf.unstack(found)
    crop_height = tf.maximum(1, tf.minimum(height, width * size[0] // size[1]))
    crop_width = tf.maximum(1, tf.minimum(width, height * size[1] // size[0]))
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return _stretched(images[..., top : top + crop_height, left : left + crop_width, :], found, size)


def _padded(images: tf.Tensor, found: tf.Tensor, size: Size) -> tf.Tensor:
    scale = tf.reduce_min(tf.constant(size, tf.float64) / tf.cast(found, tf.float64))
    inner = tf.cast(tf.round(tf.cast(found, tf.float64) * scale), tf.int32)
    inner = tf.clip_by_value(inner, 1, tf.constant(size))
    scaled = _stretched(images, found, inner)
    before = (tf.constant(size) - inner) // 2
    beside = tf.stack([before, tf.constant(size) - inner - before], axis=1)
    others = len(images.shape) - 3
    return tf.pad(scaled, tf.concat([tf.zeros([others, 2], tf.int32), beside, [[0, 0]]], axis=0))


def _stretched(images: tf.Tensor, found: tf.Tensor, size: Size | tf.Tensor) -> tf.Tensor:
    del found
    return tf.image.resize(images, size, method="bilinear", antialias=True)


SCALED: dict[str, Callable[[tf.Tensor, tf.Tensor, Size], tf.Tensor]] = {
    "crop": _cropped,
    "pad": _padded,
    "stretch": _stretched,
}


def fit_array(images: npt.NDArray[np.uint8], size: Size, how: str = ReadingConfig.fit) -> npt.NDArray[np.uint8]:
    """`fit` for a whole data set in chunks, to save memory: uint8 [n, h, w, c] -> uint8 [n, *size, c]."""
    if images.shape[1:3] == size:
        return images
    fitted = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for start in range(0, len(images), CHUNK):
        fitted[start : start + CHUNK] = fit(tf.constant(images[start : start + CHUNK]), size, how).numpy()
    return fitted
