"""Pixel arithmetic that equals Pillow's bit for bit: transparency over white, grayscale, 16 bits to 8."""

from collections.abc import Callable

import tensorflow as tf

STRIP = 2**16  # pixels whose 32-bit intermediates are in memory at a time


def over_white(picture: tf.Tensor) -> tf.Tensor:
    """Puts a picture over white, as Pillow's `alpha_composite`: uint8 [h, w, 1 to 4] to [h, w, 3].

    An even number of channels means that the last one is opacity.
    """
    channels = tf.shape(picture)[-1]
    color = tf.cond(channels < 3, lambda: tf.repeat(picture[..., :1], 3, axis=2), lambda: picture[..., :3])
    alpha = picture[..., -1:]
    seen_through = (channels % 2 == 0) & tf.reduce_any(alpha < 255)
    shown = tf.cond(
        seen_through, lambda: _in_strips(_composite, tf.concat([color, alpha], axis=2), 4, 3), lambda: color
    )
    return tf.ensure_shape(shown, [None, None, 3])


def gray(picture: tf.Tensor) -> tf.Tensor:
    """Luma of ITU-R 601 in 16-bit fixed point, as Pillow's `convert("L")`: uint8 [h, w, 3] to [h, w, 1]."""
    return _in_strips(_luma, picture, 3, 1)


def eight_bits(deep: tf.Tensor) -> tf.Tensor:
    """Scales 16-bit gray so that 65535 becomes 255, rounded: uint16 [h, w, 1] to uint8 [h, w, 3]."""
    return tf.repeat(_in_strips(_rounded, deep, 1, 1), 3, axis=2)


def _composite(pixels: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(pixels, tf.int32)
    share = wide[..., 3:] * 128  # of the color, of 255 * 128
    total = wide[..., :3] * share + 255 * (255 * 128 - share) + 128 * 128
    return tf.cast((total // 256 + total) // 2**15, tf.uint8)


def _rounded(deep: tf.Tensor) -> tf.Tensor:
    return tf.cast((tf.cast(deep, tf.int32) + 128) // 257, tf.uint8)


def _luma(pixels: tf.Tensor) -> tf.Tensor:
    weighted = tf.cast(pixels, tf.int32) * tf.constant([19595, 38470, 7471])
    return tf.cast((tf.reduce_sum(weighted, axis=-1, keepdims=True) + 2**15) // 2**16, tf.uint8)


def _in_strips(function: Callable[[tf.Tensor], tf.Tensor], picture: tf.Tensor, before: int, after: int) -> tf.Tensor:
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
        fn_output_signature=tf.TensorSpec([None, after], tf.uint8),
    )
    return tf.reshape(tf.reshape(done, [-1, after])[:count], [shape[0], shape[1], after])
