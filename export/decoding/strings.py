"""Reads bytes of a string tensor for header parsers; the kernels check every read."""

from typing import Literal

import tensorflow as tf

Order = Literal["big", "little"]


def part(data: tf.Tensor, at: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """Returns `size` bytes from offset `at`, fewer at the end of the data; an offset behind the end is an error."""
    return tf.strings.substr(data, _wide(at), _wide(size))


def number(data: tf.Tensor, at: tf.Tensor | int, size: int, order: Order) -> tf.Tensor:
    """Reads an unsigned number of 1 to 4 bytes as int64; raises `InvalidArgumentError` at the end of the data."""
    digits = tf.cast(tf.reshape(tf.io.decode_raw(part(data, at, size), tf.uint8), [size]), tf.int64)
    weights = [256**power for power in range(size)]
    return tf.reduce_sum(digits * tf.constant(weights[::-1] if order == "big" else weights, tf.int64))


def length(data: tf.Tensor) -> tf.Tensor:
    """Returns the number of bytes as int64."""
    return tf.cast(tf.strings.length(data), tf.int64)


def codes_at(data: tf.Tensor, at: tf.Tensor | int, size: int) -> tf.Tensor:
    """Reads bytes as int32 [size]; zeros at and behind the end of the data."""
    found = part(data, tf.minimum(_wide(at), length(data)), size)
    return tf.cast(
        tf.reshape(tf.io.decode_raw(tf.strings.join([found, bytes(size)]), tf.uint8)[:size], [size]), tf.int32
    )


def contains(data: tf.Tensor, marker: bytes) -> tf.Tensor:
    """Whether some bytes occur anywhere."""
    return tf.size(tf.strings.split(data, marker, maxsplit=1)) > 1


def require(condition: tf.Tensor, message: str) -> tf.Operation:
    """Raises `InvalidArgumentError` when it runs and the condition does not hold."""
    return tf.debugging.Assert(condition, [message])


def require_pixels(height: tf.Tensor, width: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Operation:
    """Raises `InvalidArgumentError` for a picture without pixels, or with more than `max_pixels`."""
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    return require((height > 0) & (width > 0) & (height * width <= max_pixels), "too many pixels, or none")


def _wide(value: tf.Tensor | int) -> tf.Tensor:
    return tf.constant(value, tf.int64) if isinstance(value, int) else tf.cast(value, tf.int64)
