"""Crop, resize, flip and blur of a whole batch, one axis at a time.

Separable resampling is `rows @ image @ columnsᵀ`. For linear interpolation each row of these matrices has two nonzero
entries, so that two gathers and a blend suffice; the full matrix is needed only if a crop may have more pixels than the
view.
"""

import math

import tensorflow as tf

from aag_tf.data.images.windows import Window


def crop_window(
    area: tf.Tensor,
    aspect: tf.Tensor,
    top: tf.Tensor,
    left: tf.Tensor,
    *,
    min_area: float,
    max_aspect: float,
    image_aspect: tf.Tensor | None = None,
) -> Window:
    """Maps uniform numbers to crop windows: uniform area in [min_area, 1], log-uniform aspect, uniform position.

    A side that is longer than the image is cut to the image's side, as in keras-cv's `RandomCropAndResize`, so that
    extreme areas are slightly smaller than drawn.

    Args:
        area: uniform numbers in [0, 1], `[batch]`, as are `aspect`, `top` and `left`.
        aspect: decides width / height in [1 / max_aspect, max_aspect], relative to the view's aspect.
        top: decides the vertical position.
        left: decides the horizontal position.
        min_area: smallest share of the image, in (0, 1].
        max_aspect: largest aspect, at least 1.
        image_aspect: width / height of the images relative to that of the views, `[batch]`; `None` if both are alike.
    """
    area = min_area + (1.0 - min_area) * area
    root_aspect = tf.exp((aspect - 0.5) * math.log(max_aspect))
    side = tf.sqrt(area)
    if image_aspect is not None:
        root_aspect /= tf.sqrt(image_aspect)
    height = tf.minimum(side / root_aspect, 1.0)
    width = tf.minimum(side * root_aspect, 1.0)
    return Window(top * (1.0 - height), left * (1.0 - width), height, width)


def resample(
    images: tf.Tensor,
    start: tf.Tensor,
    extent: tf.Tensor,
    out_size: int,
    *,
    axis: int,
    mirror: tf.Tensor | None = None,
) -> tf.Tensor:
    """Samples a crop along one axis of each image by linear interpolation.

    The first and the last output pixel lie on the ends of the crop (the convention of `tf.image.crop_and_resize`, by
    which a whole image at its own size is sampled exactly). If a crop has more pixels than the output, the triangle
    filter is widened to the step between samples, which is the usual antialiasing.

    Args:
        images: `[batch, height, width, channels]`, uint8 or float.
        start: start of the crop, as a fraction of the axis, `[batch]`.
        extent: length of the crop, as a fraction of the axis, `[batch]`.
        out_size: pixels of the output along the axis.
        axis: 1 for the height, 2 for the width.
        mirror: booleans `[batch]`; true samples an image in reverse.

    Returns:
        float32 `images` with `out_size` pixels along `axis`.
    """
    in_size = images.shape[axis]
    positions, step = _positions(start, extent, in_size, out_size, mirror)
    if in_size > out_size:
        return _multiplied(_antialiasing_matrix(positions, step, in_size), images, axis)
    if in_size == 1:
        return tf.repeat(tf.cast(images, tf.float32), out_size, axis=axis)
    first = tf.clip_by_value(tf.cast(positions, tf.int32), 0, in_size - 2)
    share = positions - tf.cast(first, tf.float32)
    share = share[:, :, None, None] if axis == 1 else share[:, None, :, None]
    before = tf.cast(tf.gather(images, first, axis=axis, batch_dims=1), tf.float32)
    after = tf.cast(tf.gather(images, first + 1, axis=axis, batch_dims=1), tf.float32)
    return before + share * (after - before)


def blur(images: tf.Tensor, sigma: tf.Tensor, largest: float) -> tf.Tensor:
    """Gaussian blur of each image; weights outside of the image are dropped and the rest renormalized.

    Args:
        images: float32 `[batch, height, width, channels]`.
        sigma: standard deviation in pixels, `[batch]`; 0 is the identity.
        largest: upper bound of `sigma`; the kernel is cut off at four times this.
    """
    radius = math.ceil(4.0 * largest)
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * tf.square(offsets / tf.maximum(sigma, 1e-3)[:, None]))[..., None, None, None]
    for axis in (1, 2):
        inside = tf.ones([images.shape[each] if each == axis else 1 for each in range(4)])
        images = _weighted_sum(images, weights, axis) / _weighted_sum(inside, weights, axis)
    return images


def _weighted_sum(images: tf.Tensor, weights: tf.Tensor, axis: int) -> tf.Tensor:
    """Weighted sum of images shifted along an axis, zero outside; weights `[batch, shifts, 1, 1, 1]`."""
    length, shifts = images.shape[axis], weights.shape[1]
    paddings = [[shifts // 2] * 2 if each == axis else [0, 0] for each in range(4)]
    padded = tf.pad(images, paddings)
    parts = (padded[:, at : at + length] if axis == 1 else padded[:, :, at : at + length] for at in range(shifts))
    return sum(weights[:, at] * part for at, part in enumerate(parts))


def _multiplied(matrices: tf.Tensor, images: tf.Tensor, axis: int) -> tf.Tensor:
    """Applies one matrix per image, `[batch, out_size, in_size]`, along an axis."""
    images = tf.cast(images, tf.float32)
    return tf.einsum("boi,biwc->bowc" if axis == 1 else "boi,bhic->bhoc", matrices, images)


def _positions(
    start: tf.Tensor, extent: tf.Tensor, in_size: int, out_size: int, mirror: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns output positions in input pixels, `[batch, out_size]`, and the step between them, `[batch]`."""
    if out_size == 1:
        start, extent = start + extent / 2.0, tf.zeros_like(extent)
    if mirror is not None:
        start = tf.where(mirror, start + extent, start)
        extent = tf.where(mirror, -extent, extent)
    step = extent * ((in_size - 1) / max(out_size - 1, 1))
    positions = start[:, None] * (in_size - 1) + step[:, None] * tf.range(out_size, dtype=tf.float32)
    return tf.clip_by_value(positions, 0.0, in_size - 1.0), step


def _antialiasing_matrix(positions: tf.Tensor, step: tf.Tensor, in_size: int) -> tf.Tensor:
    """Triangle filters of the width of the step, `[batch, out_size, in_size]`; rows sum to 1."""
    distances = tf.abs(positions[:, :, None] - tf.range(in_size, dtype=tf.float32))
    weights = tf.nn.relu(1.0 - distances / tf.maximum(tf.abs(step), 1.0)[:, None, None])
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
