"""Brings one picture to the encoder's size, as training does with picture files."""

import tensorflow as tf

from aag_tf.config import ReadingConfig
from aag_tf.data.files import resizing


def fit_picture(picture: tf.Tensor, size: tuple[int, int], how: str = ReadingConfig.fit) -> tf.Tensor:
    """Scales a picture (bilinear, antialiased), as training does with Pillow.

    `crop` takes the largest centered part of the wanted aspect, which may begin and end between pixels, as that of
    Pillow's `ImageOps.fit` and unlike that of `aag_tf.data.files.resizing.fit` for arrays. `pad` and `stretch` are the
    same for files and arrays. The result differs from Pillow's arithmetic by rounding.

    Args:
        picture: uint8 [h, w, c].
        size: (height, width) to return.
        how: what becomes of another aspect: `crop`, `pad` or `stretch`.

    Returns:
        uint8 [*size, c].
    """
    if how != "crop":
        return resizing.fit(picture, size, how)
    batch = picture[tf.newaxis]
    return tf.cond(_has(picture, size), lambda: picture, lambda: resizing.rounded(_cropped(batch, size))[0])


def fit_levels(levels: tf.Tensor, size: tuple[int, int], how: str = ReadingConfig.fit) -> tf.Tensor:
    """`fit_picture` for a batch, without the rounding: levels in [0, 255], float32 [n, h, w, c] -> [n, *size, c]."""
    if how != "crop":
        return resizing.fit_levels(levels, size, how)
    return tf.cond(_has(levels, size), lambda: levels, lambda: _cropped(levels, size))


def _has(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    return tf.reduce_all(tf.shape(images)[-3:-1] == tf.constant(size))


def _cropped(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    found, wanted = tf.cast(tf.shape(images)[1:3], tf.float64), tf.constant(size, tf.float64)
    scale = tf.reduce_max(wanted / found)  # the shorter side decides
    margin = (found - wanted / scale) / 2
    return tf.raw_ops.ScaleAndTranslate(
        images=images,
        size=size,
        scale=tf.cast(tf.stack([scale, scale]), tf.float32),
        translation=tf.cast(-margin * scale, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )
