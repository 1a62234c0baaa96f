"""Reading bytes of a string tensor: what header parsers need, with every read checked by the kernels themselves."""

from typing import Literal

import tensorflow as tf

Order = Literal["big", "little"]


def part(data: tf.Tensor, at: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """`size` bytes from `at`, as a string; fewer where the data end. A start behind the end is an error."""
    return tf.strings.substr(data, at, size)


def number(data: tf.Tensor, at: tf.Tensor | int, size: int, order: Order) -> tf.Tensor:
    """An unsigned number of 1 to 4 bytes as int64; `InvalidArgumentError` where the data end before it does."""
    digits = tf.cast(tf.reshape(tf.io.decode_raw(part(data, at, size), tf.uint8), [size]), tf.int64)
    weights = [256**power for power in range(size)]
    return tf.reduce_sum(digits * tf.constant(weights[::-1] if order == "big" else weights, tf.int64))


def after(data: tf.Tensor, marker: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """What lies before and behind the first `marker`; the second is empty where there is none."""
    parts = tf.strings.split(data, marker, maxsplit=1)
    return parts[0], tf.cond(tf.size(parts) > 1, lambda: parts[1], lambda: tf.constant(b""))


def require(condition: tf.Tensor, message: str) -> tf.Operation:
    """Refuses the picture with `InvalidArgumentError` where the condition does not hold."""
    return tf.debugging.Assert(condition, [message])


def require_pixels(height: tf.Tensor, width: tf.Tensor, max_pixels: int) -> tf.Operation:
    """Refuses a picture without pixels, or with more than are decoded."""
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    return require((height > 0) & (width > 0) & (height * width <= max_pixels), "too many pixels, or none")
