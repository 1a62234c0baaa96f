"""Crop, resize, flip and blur of a whole batch, one axis at a time.

A separable resampling is `rows @ image @ columnsᵀ`. Linear interpolation has two non-zeros in each row of these
matrices, so that it is two look-ups and a blend; the matrix is written out only for blur, and where a crop may have
more pixels than the view. Each step works on the first axis of the pictures: the second is transposed to its place.
"""

import math
from typing import NamedTuple

import tensorflow as tf


class Window(NamedTuple):
    """A crop of each image, `[batch]` float32 each, as fractions of the image's height and width."""

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


def crop_window(
    area: tf.Tensor,
    aspect: tf.Tensor,
    top: tf.Tensor,
    left: tf.Tensor,
    *,
    min_area: float,
    max_aspect: float,
) -> Window:
    """Draws crop windows: area uniform in [min_area, 1], log-uniform aspect, then a uniform position.

    A side that would leave the image is cut to the image's side, as keras-cv's `RandomCropAndResize` does; areas are
    therefore a little smaller than drawn at the extremes.

    Args:
        area: uniform numbers in [0, 1], `[batch]`, as are `aspect`, `top` and `left`.
        aspect: decides width / height in [1 / max_aspect, max_aspect], relative to the image's own aspect.
        top: decides the vertical position.
        left: decides the horizontal position.
        min_area: smallest share of the image, in (0, 1].
        max_aspect: largest aspect, at least 1.
    """
    area = min_area + (1.0 - min_area) * area
    root_aspect = tf.exp((aspect - 0.5) * math.log(max_aspect))
    side = tf.sqrt(area)
    height = tf.minimum(side / root_aspect, 1.0)
    width = tf.minimum(side * root_aspect, 1.0)
    return Window(top * (1.0 - height), left * (1.0 - width), height, width)


def resample(
    images: tf.Tensor, start: tf.Tensor, extent: tf.Tensor, out_size: int, *, mirror: tf.Tensor | None = None
) -> tf.Tensor:
    """Samples a crop along the first axis of each image by linear interpolation.

    The first and the last output pixel lie on the ends of the crop (`tf.image.crop_and_resize`'s convention, so that
    the whole image at its own size is sampled exactly). Where a crop has more pixels than the output, the triangle is
    widened to the step between samples, which is the usual protection against aliasing.

    Args:
        images: `[batch, length, other, channels]`, uint8 or float.
        start: where the crop starts, as a fraction of the axis, `[batch]`.
        extent: how long it is, as a fraction of the axis, `[batch]`.
        out_size: pixels of the output along the axis.
        mirror: booleans `[batch]`: which images are sampled back to front.

    Returns:
        float32 `[batch, out_size, other, channels]`.
    """
    _, in_size, other, channels = images.shape
    positions, step = _positions(start, extent, in_size, out_size, mirror)
    lines = tf.reshape(images, [-1, in_size, other * channels])
    if in_size > out_size:
        lines = _antialiasing_matrix(positions, step, in_size) @ tf.cast(lines, tf.float32)
    elif in_size == 1:
        lines = tf.repeat(tf.cast(lines, tf.float32), out_size, axis=1)
    else:
        first = tf.clip_by_value(tf.cast(positions, tf.int32), 0, in_size - 2)
        share = (positions - tf.cast(first, tf.float32))[:, :, None]
        before = tf.cast(tf.gather(lines, first, batch_dims=1), tf.float32)
        after = tf.cast(tf.gather(lines, first + 1, batch_dims=1), tf.float32)
        lines = before + share * (after - before)
    return tf.reshape(lines, [-1, out_size, other, channels])


def blur(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Gaussian blur along the first axis of each image, float32 `[batch, length, other, channels]`; see below."""
    _, length, other, channels = images.shape
    lines = gaussian_matrix(sigma, length) @ tf.reshape(images, [-1, length, other * channels])
    return tf.reshape(lines, [-1, length, other, channels])


def transposed(images: tf.Tensor) -> tf.Tensor:
    """Rows and columns of each image exchanged."""
    return tf.transpose(images, [0, 2, 1, 3])


def _positions(
    start: tf.Tensor, extent: tf.Tensor, in_size: int, out_size: int, mirror: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where output pixels lie, in input pixels, `[batch, out_size]`, and the step from one to the next, `[batch]`."""
    if out_size == 1:
        start, extent = start + extent / 2.0, tf.zeros_like(extent)
    if mirror is not None:
        start = tf.where(mirror, start + extent, start)
        extent = tf.where(mirror, -extent, extent)
    step = extent * ((in_size - 1) / max(out_size - 1, 1))
    positions = start[:, None] * (in_size - 1) + step[:, None] * tf.range(out_size, dtype=tf.float32)
    return tf.clip_by_value(positions, 0.0, in_size - 1.0), step


def _antialiasing_matrix(positions: tf.Tensor, step: tf.Tensor, in_size: int) -> tf.Tensor:
    """Triangles about each position that are as wide as the step, `[batch, out_size, in_size]`; rows sum to 1."""
    distances = tf.abs(positions[:, :, None] - tf.range(in_size, dtype=tf.float32))
    weights = tf.nn.relu(1.0 - distances / tf.maximum(tf.abs(step), 1.0)[:, None, None])
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def gaussian_matrix(sigma: tf.Tensor, size: int) -> tf.Tensor:
    """Gaussian blur along one axis as a matrix, `[batch, size, size]`; rows sum to 1, also at the borders.

    Args:
        sigma: standard deviations in pixels, `[batch]`; 0 leaves the image as it is.
        size: pixels along the axis.
    """
    offsets = tf.range(size, dtype=tf.float32)[:, None] - tf.range(size, dtype=tf.float32)
    width = tf.maximum(sigma, 1e-3)[:, None, None]
    weights = tf.exp(-0.5 * tf.square(offsets / width))
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
