"""Operations on gray levels, sharpness and cutout, on float32 images `[batch, height, width, channels]` in [0, 255].

In every function an amount of 0 is the identity: operations that were not drawn for an image get the amount 0.
"""

import tensorflow as tf

LEVELS = 256
WHITE = 255.0
GRAY = 127.5


def autocontrast(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Stretches each channel of each image toward the full range; `amount` `[batch]`: 1 reaches it, more exceeds it."""
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    high = tf.reduce_max(images, axis=[1, 2], keepdims=True)
    gain = tf.where(high > low, WHITE / tf.maximum(high - low, 1.0), 0.0)
    stretched = tf.where(high > low, (images - low) * gain, images)
    return _blend(images, tf.clip_by_value(stretched, 0.0, WHITE), amount)


def histograms(images: tf.Tensor) -> tf.Tensor:
    """Counts the pixels of each rounded gray level in each channel; float32 `[batch, channels, 256]`."""
    _, height, width, channels = images.shape
    levels = tf.cast(tf.round(tf.transpose(images, [0, 3, 1, 2])), tf.int32)
    counts = tf.raw_ops.DenseBincount(
        input=tf.reshape(levels, [-1, height * width]),
        size=LEVELS,
        weights=tf.constant([], tf.float32),
        binary_output=False,
    )
    return tf.reshape(counts, [-1, channels, LEVELS])


def equalize(images: tf.Tensor, amount: tf.Tensor, histogram: tf.Tensor) -> tf.Tensor:
    """Equalizes the histogram of each channel of each image.

    Args:
        images: float32 `[batch, height, width, channels]`; levels are rounded.
        amount: share of the way to the equalized image, `[batch]`; may exceed 1.
        histogram: of the images, `[batch, channels, 256]`.
    """
    # A product with a triangular matrix of ones is a cumulative sum; XLA's own operation takes quadratic time.
    below = histogram @ tf.linalg.band_part(tf.ones([LEVELS, LEVELS]) - tf.eye(LEVELS), 0, -1)
    # As in Pillow, the highest level that occurs becomes 255, and an image of a single level is unchanged.
    highest = tf.reduce_max(tf.where(histogram > 0.0, below, 0.0), axis=-1, keepdims=True)
    flat = tf.where(highest > 0.0, below * WHITE / tf.maximum(highest, 1.0), tf.range(LEVELS, dtype=tf.float32))
    table = tf.reshape(tf.minimum(flat, WHITE), [-1])
    first = tf.reshape(tf.range(tf.size(table) // LEVELS) * LEVELS, [-1, 1, 1, images.shape[3]])
    return _blend(images, tf.gather(table, tf.cast(tf.round(images), tf.int32) + first), amount)


def scale(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Brightness: multiplies by `1 + amount`, `[batch]`."""
    return tf.clip_by_value(images * (1.0 + _each(amount)), 0.0, WHITE)


def stretch(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Contrast: multiplies differences from the mean gray of each image by `1 + amount`, `[batch]`.

    The mean is that of a color image's three channels together, and of each channel where they are no colors.
    """
    axes = [1, 2, 3] if images.shape[-1] == 3 else [1, 2]
    mean = tf.reduce_mean(images, axis=axes, keepdims=True)
    return tf.clip_by_value(mean + (images - mean) * (1.0 + _each(amount)), 0.0, WHITE)


def posterize(images: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Removes the lowest bits; `bits` `[batch]` is rounded down."""
    step = _each(tf.pow(2.0, tf.floor(bits)))
    return tf.where(step > 1.0, tf.floor(images / step) * step, images)


def solarize(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Inverts the brightest share of the gray levels; `amount` `[batch]` ≥ 0, and 1 or more inverts all."""
    return tf.where(images >= LEVELS * (1.0 - _each(amount)), WHITE - images, images)


def sharpen(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Moves each pixel away from (negative: toward) its smoothed neighborhood, Pillow's 3×3 filter.

    Args:
        images: float32 `[batch, height, width, channels]`; the outermost pixels stay as they are.
        amount: `[batch]`; -1 gives the smoothed image, 1 gives twice the image minus the smoothed one.
    """
    if min(images.shape[1:3]) < 3:
        return images
    rows = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    box = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    inner = images[:, 1:-1, 1:-1]
    smooth = (box + 4.0 * inner) / 13.0
    change = tf.pad(inner - smooth, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.clip_by_value(images + _each(amount) * change, 0.0, WHITE)


def cut_out(images: tf.Tensor, side: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Cutout: fills a square with gray; near the border a part of it lies outside of the image.

    Args:
        images: float32 `[batch, height, width, channels]`.
        side: side of the square in pixels, `[batch]`; 0 for none.
        down: vertical position of its center, as a fraction of the height, `[batch]`.
        right: horizontal position of its center, as a fraction of the width, `[batch]`.
    """
    height, width = images.shape[1:3]
    rows = _covered(down * height, side, height)[:, :, None, None]
    columns = _covered(right * width, side, width)[:, None, :, None]
    return tf.where(rows & columns, GRAY, images)


def _covered(center: tf.Tensor, side: tf.Tensor, size: int) -> tf.Tensor:
    middles = tf.range(size, dtype=tf.float32) + 0.5
    return tf.abs(middles - center[:, None]) < side[:, None] / 2.0


def _blend(images: tf.Tensor, others: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(images + _each(amount) * (others - images), 0.0, WHITE)


def _each(amount: tf.Tensor) -> tf.Tensor:
    return amount[:, None, None, None]
