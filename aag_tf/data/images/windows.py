"""Rectangles of pictures, as fractions of their sides, and what has to be decoded to show them."""

from typing import NamedTuple

import tensorflow as tf


class Window(NamedTuple):
    """Rectangles of pictures: float32 `[batch]` each, as fractions of a picture's height and width."""

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


def largest_centered(aspect: tf.Tensor) -> Window:
    """Returns the largest centered window of the aspect of a view.

    Args:
        aspect: width / height of the picture relative to that of a view, float32 `[batch]`.
    """
    height, width = tf.minimum(aspect, 1.0), tf.minimum(1.0 / aspect, 1.0)
    return Window((1.0 - height) / 2.0, (1.0 - width) / 2.0, height, width)


def in_pixels(window: Window, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Rounds windows to whole pixels: int32 `[batch, 4]`, top, left, bottom and right, at least one pixel each way."""
    tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    top = tf.clip_by_value(tf.cast(tf.round(window.top * tall), tf.int32), 0, height - 1)
    left = tf.clip_by_value(tf.cast(tf.round(window.left * wide), tf.int32), 0, width - 1)
    bottom = tf.cast(tf.round((window.top + window.height) * tall), tf.int32)
    right = tf.cast(tf.round((window.left + window.width) * wide), tf.int32)
    bottom, right = tf.clip_by_value(bottom, top + 1, height), tf.clip_by_value(right, left + 1, width)
    return tf.stack([top, left, bottom, right], axis=-1)


def hull(boxes: tf.Tensor) -> tf.Tensor:
    """The smallest box that holds all boxes: int32 `[batch, 4]` to `[4]`."""
    return tf.concat([tf.reduce_min(boxes[:, :2], axis=0), tf.reduce_max(boxes[:, 2:], axis=0)], axis=0)
