"""Reads bytes of a string tensor for header parsers; the kernels check every read."""

from typing import Literal

import tensorflow as tf

Order = Literal["big", "little"]


def part(data: tf.Tensor, at: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """Returns `size` bytes from offset `at`, fewer at the end of the data; an offset behind the end is an error."""
    return tf.strings.substr(data, at, size)


def number(data: tf.Tensor, at: tf.Tensor | int, size: int, order: Order) -> tf.Tensor:
    """Reads an unsigned number of 1 to 4 bytes as int64; raises `InvalidArgumentError` at the end of the data."""
    digits = tf.cast(tf.reshape(tf.io.decode_raw(part(data, at, size), tf.uint8), [size]), tf.int64)
    weights = [256**power for power in range(size)]
    return tf.reduce_sum(digits * tf.constant(weights[::-1] if order == "big" else weights, tf.int64))


def after(data: tf.Tensor, marker: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the bytes before and behind the first `marker`; all and none if it does not occur."""
    parts = tf.strings.split(data, marker, maxsplit=1)
    return parts[0], tf.cond(tf.size(parts) > 1, lambda: parts[1], lambda: tf.constant(b""))


def require(condition: tf.Tensor, message: str) -> tf.Operation:
    """Raises `InvalidArgumentError` when it runs and the condition does not hold."""
    return tf.debugging.Assert(condition, [message])


def require_pixels(height: tf.Tensor, width: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Operation:
    """Raises `InvalidArgumentError` for a picture without pixels, or with more than `max_pixels`."""
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    return require((height > 0) & (width > 0) & (height * width <= max_pixels), "too many pixels, or none")
