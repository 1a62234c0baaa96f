"""Crop, flip, rotation, shear and translation as one affine map per image, which is sampled once."""

import math

import tensorflow as tf

from aag_tf.data.images.windows import Window


def translation(down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Translation: shifts `[batch]` to maps `[batch, 3, 3]` of (y, x, 1)."""
    return _affine(tf.ones_like(down), tf.zeros_like(down), down, tf.zeros_like(down), tf.ones_like(down), right)


def linear(yy: tf.Tensor, yx: tf.Tensor, xy: tf.Tensor, xx: tf.Tensor) -> tf.Tensor:
    """Linear map: coefficients `[batch]` to maps `[batch, 3, 3]` of (y, x, 1)."""
    return _affine(yy, yx, tf.zeros_like(yy), xy, xx, tf.zeros_like(yy))


def rotation(degrees: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Rotation about the center of views of this height and width: `[batch]` to `[batch, 3, 3]`."""
    angle, aspect = degrees * (math.pi / 180.0), _aspect(size)
    return linear(tf.cos(angle), -aspect * tf.sin(angle), tf.sin(angle) / aspect, tf.cos(angle))


def shear(down: tf.Tensor, right: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Shear, in pixels down per pixel to the right and right per pixel down: `[batch]` to `[batch, 3, 3]`."""
    one, aspect = tf.ones_like(down), _aspect(size)
    return linear(one, down * aspect, right / aspect, one)


def crop_map(window: Window, mirror: tf.Tensor | None) -> tf.Tensor:
    """Maps from the view's square [-1, 1]² to the crop in fractions of the image, `[batch, 3, 3]`."""
    half_height, half_width = window.height / 2.0, window.width / 2.0
    signed = half_width if mirror is None else tf.where(mirror, -half_width, half_width)
    zero = tf.zeros_like(half_height)
    return _affine(half_height, zero, window.top + half_height, zero, signed, window.left + half_width)


def warp(images: tf.Tensor, maps: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Bilinear sampling of each image by an affine map; outside of its borders the image is reflected.

    If images have more pixels than views, each pixel of a view is the mean of several evenly spaced samples.

    Args:
        images: `[batch, height, width, channels]`, uint8 or float.
        maps: `[batch, 3, 3]`, from (y, x, 1) in the view's square [-1, 1]² to fractions of the image.
        size: height and width of the views.

    Returns:
        float32 `[batch, *size, channels]`.
    """
    _, height, width, channels = images.shape
    rows, columns = -(-height // size[0]), -(-width // size[1])  # samples per pixel of a view
    y, x = tf.meshgrid(_places(size[0], rows), _places(size[1], columns), indexing="ij")
    grid = tf.stack([tf.reshape(y, [-1]), tf.reshape(x, [-1]), tf.ones([tf.size(y)])])
    points = maps[:, :2] @ grid
    top, down = _split(points[:, 0] * (height - 1), height)
    left, right = _split(points[:, 1] * (width - 1), width)

    pixels = tf.reshape(images, [-1, channels])
    first = tf.range(tf.shape(images)[0])[:, None] * (height * width)
    corner = tf.reshape(first + top * width + left, [-1])
    below, beside = min(height - 1, 1) * width, min(width - 1, 1)  # an image of one row or column has no next one
    a, b, c, d = (
        tf.cast(tf.gather(pixels, corner + offset), tf.float32) for offset in (0, beside, below, below + beside)
    )
    down, right = tf.reshape(down, [-1, 1]), tf.reshape(right, [-1, 1])
    upper, lower = a + right * (b - a), c + right * (d - c)
    samples = tf.reshape(upper + down * (lower - upper), [-1, size[0], rows, size[1], columns, channels])
    return tf.reduce_mean(samples, axis=[2, 4])


def _aspect(size: tuple[int, int]) -> float:
    """Ratio of width to height, measured between the centers of the outermost pixels."""
    return max(size[1] - 1, 1) / max(size[0] - 1, 1)


def _places(size: int, samples: int) -> tf.Tensor:
    """Sampling positions of `size` pixels, `samples` each, on an axis where the pixel centers span [-1, 1]."""
    middles = tf.linspace(-1.0, 1.0, size) if size > 1 else tf.zeros([1])
    within = (tf.range(samples, dtype=tf.float32) + 0.5) / samples - 0.5
    return tf.reshape(middles[:, None] + within * (2.0 / max(size - 1, 1)), [-1])


def _split(position: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the pixel before a position, reflected at the borders, and the distance from it; never the last pixel."""
    last = float(size - 1)
    position = last - tf.abs(last - tf.abs(position))
    position = tf.clip_by_value(position, 0.0, last)
    index = tf.clip_by_value(tf.floor(position), 0.0, max(last - 1.0, 0.0))
    return tf.cast(index, tf.int32), position - index


def _affine(yy: tf.Tensor, yx: tf.Tensor, y: tf.Tensor, xy: tf.Tensor, xx: tf.Tensor, x: tf.Tensor) -> tf.Tensor:  # noqa: PLR0917  the six numbers of an affine map, row by row
    zero, one = tf.zeros_like(yy), tf.ones_like(yy)
    rows = [tf.stack([yy, yx, y], axis=-1), tf.stack([xy, xx, x], axis=-1), tf.stack([zero, zero, one], axis=-1)]
    return tf.stack(rows, axis=-2)
