"""Resizes one picture to the encoder's size, as training resizes picture files."""

import tensorflow as tf


def fit_picture(picture: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Scales the largest centered part of the wanted aspect (bilinear, antialiased), as Pillow's `ImageOps.fit`.

    The part may begin and end between pixels, unlike the crop of `aag_tf.data.resizing.fit` for arrays. The result
    differs from Pillow's fixed-point arithmetic by rounding.

    Args:
        picture: uint8 [h, w, c].
        size: (height, width) to return.

    Returns:
        uint8 [*size, c].
    """
    found = tf.shape(picture)[:2]
    same = tf.reduce_all(found == tf.constant(size))
    return tf.cond(same, lambda: picture, lambda: _scaled(picture, tf.cast(found, tf.float64), size))


def _scaled(picture: tf.Tensor, found: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    wanted = tf.constant(size, tf.float64)
    scale = tf.reduce_max(wanted / found)  # the shorter side decides
    margin = (found - wanted / scale) / 2
    resized = tf.raw_ops.ScaleAndTranslate(
        images=picture[tf.newaxis],
        size=size,
        scale=tf.cast(tf.stack([scale, scale]), tf.float32),
        translation=tf.cast(-margin * scale, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.cast(tf.round(resized[0]), tf.uint8)
