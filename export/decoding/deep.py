"""Pictures of 16 bits a color, by the range of values of the training: range first, then size, then one rounding."""

import tensorflow as tf

from aag_tf.data.files.reading import BEFORE_IT_WAS_RECORDED, Range, Reading
from aag_tf.data.files.resizing import rounded
from aag_tf.data.images.color import WHITE, in_strips, shares
from aag_tf.export.decoding.resize import fit_levels

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in training
DEEPEST = 65_535.0


def image_of(deep: tf.Tensor, image_shape: tuple[int, int, int], reading: Reading) -> tf.Tensor:
    """Brings a picture of 16 bits to the encoder's range, size and channels.

    Args:
        deep: uint16 [h, w, 1 to 4]; an even number of channels means that the last one is opacity.
        image_shape: (height, width, channels) to return, channels 1 or 3.
        reading: range of values, all 16 bits without one, and what becomes of another aspect.

    Returns:
        uint8 [*image_shape].
    """
    value_range = reading.value_range or BEFORE_IT_WAS_RECORDED.value_range
    assert value_range is not None
    size, channels = image_shape[:2], image_shape[2]

    def gray() -> tf.Tensor:
        plane = fit_levels(_levels(deep, 1, value_range)[tf.newaxis], size, reading.fit)[0]
        return tf.repeat(plane, channels, axis=2)

    def color() -> tf.Tensor:
        planes = fit_levels(_levels(deep, 3, value_range)[tf.newaxis], size, reading.fit)[0]
        if channels == 3:
            return planes
        exact = tf.reduce_sum(tf.cast(planes, tf.float64) * tf.constant(LUMA, tf.float64), axis=-1, keepdims=True)
        return tf.cast(tf.round(exact), tf.float32)  # in float32 a sum could round to another level than training's

    image = rounded(tf.cond(tf.shape(deep)[-1] < 3, gray, color))
    return tf.ensure_shape(image, image_shape)


def _levels(deep: tf.Tensor, colors: int, value_range: Range) -> tf.Tensor:
    """Levels of gray or color over white, not rounded: float32 [h, w, colors] in [0, 255]."""
    share = in_strips(lambda pixels: shares(pixels, value_range), deep[..., :colors], colors, colors, tf.float32)
    opacity = tf.cast(tf.cast(deep[..., -1:], tf.float64) / DEEPEST, tf.float32)
    transparent = tf.shape(deep)[-1] % 2 == 0
    return WHITE * tf.cond(transparent, lambda: share * opacity + (1.0 - opacity), lambda: share)
