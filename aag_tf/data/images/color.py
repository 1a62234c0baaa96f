"""Pixel arithmetic in TensorFlow that equals that of `aag_tf.data.files` bit for bit, for `tf.data` and for exports.

Transparency over white, grayscale, deeper values to 8 bits.
"""

from collections.abc import Callable

import tensorflow as tf

from aag_tf.data.files.reading import Range

WHITE = 255.0
STRIP = 2**16  # pixels whose 32-bit intermediates are in memory at a time


def over_white(picture: tf.Tensor) -> tf.Tensor:
    """Puts a picture over white, as Pillow's `alpha_composite`: uint8 [h, w, 1 to 4] to [h, w, 3].

    An even number of channels means that the last one is opacity.
    """
    channels = tf.shape(picture)[-1]
    color = tf.cond(channels < 3, lambda: tf.repeat(picture[..., :1], 3, axis=2), lambda: picture[..., :3])
    alpha = picture[..., -1:]
    seen_through = (channels % 2 == 0) & tf.reduce_any(alpha < 255)
    shown = tf.cond(seen_through, lambda: in_strips(_composite, tf.concat([color, alpha], axis=2), 4, 3), lambda: color)
    return tf.ensure_shape(shown, [None, None, 3])


def gray(picture: tf.Tensor) -> tf.Tensor:
    """Luma of ITU-R 601 in 16-bit fixed point, as Pillow's `convert("L")`: uint8 [h, w, 3] to [h, w, 1]."""
    return in_strips(_luma, picture, 3, 1)


def shares(values: tf.Tensor, value_range: Range) -> tf.Tensor:
    """Shares of white: the ends of the range become 0 and 1, values beyond are clipped, and what is no number is black.

    In float64 until they are clipped, as in training: a rounding that differs would be another level of a pixel.

    Args:
        values: any real numbers.
        value_range: low and high end.

    Returns:
        float32 of the same shape, in [0, 1].
    """
    low, high = value_range
    exact = tf.cast(values, tf.float64)
    share = tf.clip_by_value((exact - low) / (high - low), 0.0, 1.0)
    return tf.cast(tf.where(tf.math.is_nan(exact), tf.zeros_like(exact), share), tf.float32)


def _composite(pixels: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(pixels, tf.int32)
    share = wide[..., 3:] * 128  # of the color, of 255 * 128
    total = wide[..., :3] * share + 255 * (255 * 128 - share) + 128 * 128
    return tf.cast((total // 256 + total) // 2**15, tf.uint8)


def _luma(pixels: tf.Tensor) -> tf.Tensor:
    weighted = tf.cast(pixels, tf.int32) * tf.constant([19595, 38470, 7471])
    return tf.cast((tf.reduce_sum(weighted, axis=-1, keepdims=True) + 2**15) // 2**16, tf.uint8)


def in_strips(
    function: Callable[[tf.Tensor], tf.Tensor], picture: tf.Tensor, before: int, after: int, dtype: tf.DType = tf.uint8
) -> tf.Tensor:
    """Applies a function of pixels a strip at a time, which bounds the memory of its wide intermediates."""
    shape = tf.shape(picture)
    pixels = tf.reshape(picture, [-1, before])
    count = tf.shape(pixels)[0]
    size = tf.minimum(count, STRIP)
    strips = -(-count // size)
    padded = tf.pad(pixels, [[0, strips * size - count], [0, 0]])
    done = tf.map_fn(
        function,
        tf.reshape(padded, [strips, size, before]),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec([None, after], dtype),
    )
    return tf.reshape(tf.reshape(done, [-1, after])[:count], [shape[0], shape[1], after])
