"""Operations on grey levels, of pixels or of a look-up table per image, and sharpness and cutout.

An amount of 0 is the identity in every function here, so that an operation that was not drawn is one of amount 0.
"""

import tensorflow as tf

LEVELS = 256
WHITE = 255.0
GRAY = 127.5


def identity_table(batch: tf.Tensor, channels: int) -> tf.Tensor:
    """Every grey level as it is, float32 `[batch, channels, 256]`."""
    return tf.tile(tf.range(LEVELS, dtype=tf.float32)[None, None], [batch, channels, 1])


def autocontrast(table: tf.Tensor, amount: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Stretches each channel of each picture to the full range, by a share of the way.

    Args:
        table: `[batch, channels, 256]`.
        amount: share of the way in [0, 1], `[batch]`.
        images: the pictures, float32 `[batch, height, width, channels]`.
    """
    _, height, width, channels = images.shape
    # In two steps, since the first then compares long contiguous rows.
    lines = tf.reshape(images, [-1, height, width * channels])
    low = tf.reduce_min(tf.reshape(tf.reduce_min(lines, axis=1), [-1, width, channels]), axis=1)[..., None]
    high = tf.reduce_max(tf.reshape(tf.reduce_max(lines, axis=1), [-1, width, channels]), axis=1)[..., None]
    stretched = tf.where(high > low, (table - low) * WHITE / tf.maximum(high - low, 1.0), table)
    return _blend(table, tf.clip_by_value(stretched, 0.0, WHITE), amount)


def equalize(table: tf.Tensor, amount: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Flattens the histogram of each channel of each picture, by a share of the way.

    Args:
        table: `[batch, channels, 256]`; only what it holds so far is blended, the histogram is that of `pixels`.
        amount: share of the way in [0, 1], `[batch]`.
        pixels: the picture, float32 `[batch, pixels, channels]` in [0, 255].
    """
    _, count, channels = pixels.shape
    levels = tf.reshape(tf.cast(tf.round(tf.transpose(pixels, [0, 2, 1])), tf.int32), [-1, count])
    histogram = tf.raw_ops.DenseBincount(
        input=levels, size=LEVELS, weights=tf.constant([], tf.float32), binary_output=False
    )
    # A product with a triangle of ones is a cumulative sum; XLA's own takes quadratic time.
    below = histogram @ tf.linalg.band_part(tf.ones([LEVELS, LEVELS]) - tf.eye(LEVELS), 0, -1)
    # As in Pillow the highest level that occurs goes to 255, and a picture of one level stays as it is.
    highest = tf.reduce_max(tf.where(histogram > 0.0, below, 0.0), axis=-1, keepdims=True)
    flat = tf.where(highest > 0.0, below * WHITE / tf.maximum(highest, 1.0), tf.range(LEVELS, dtype=tf.float32))
    return _blend(table, tf.reshape(tf.minimum(flat, WHITE), [-1, channels, LEVELS]), amount)


def scale(table: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Brightness as a factor of `1 + amount`; `[batch, a, b]` levels (of pixels, or a table), `[batch]` amounts."""
    return tf.clip_by_value(table * (1.0 + amount)[:, None, None], 0.0, WHITE)


def stretch(table: tf.Tensor, amount: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """Contrast as a factor of `1 + amount` about the mean grey, `[batch]` each."""
    mean = mean[:, None, None]
    return tf.clip_by_value(mean + (table - mean) * (1.0 + amount)[:, None, None], 0.0, WHITE)


def posterize(table: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Takes the lowest bits away, `[batch]` numbers of bits that are rounded down."""
    step = tf.pow(2.0, tf.floor(bits))[:, None, None]
    return tf.where(step > 1.0, tf.floor(table / step) * step, table)


def solarize(table: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Inverts the brightest share of the grey levels; `[batch]` shares in [0, 1]."""
    threshold = LEVELS * (1.0 - amount)[:, None, None]
    return tf.where(table >= threshold, WHITE - table, table)


def look_up(pixels: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """Each grey level replaced by the table's; levels between two whole ones are rounded.

    Args:
        pixels: float32 `[batch, pixels, channels]` in [0, 255].
        table: `[batch, channels, 256]`.
    """
    channels = pixels.shape[2]
    batch = tf.shape(pixels)[0]
    first = tf.reshape(tf.range(batch * channels) * LEVELS, [batch, 1, channels])
    return tf.gather(tf.reshape(table, [-1]), tf.cast(tf.round(pixels), tf.int32) + first)


def sharpen(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Moves each pixel away from (negative: towards) its smoothed neighbourhood, Pillow's 3×3 filter.

    Args:
        images: float32 `[batch, height, width, channels]`; the outermost pixels stay as they are.
        amount: `[batch]`; -1 gives the smoothed picture, 1 twice the picture less the smoothed one.
    """
    if min(images.shape[1:3]) < 3:
        return images
    rows = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    box = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    inner = images[:, 1:-1, 1:-1]
    smooth = (box + 4.0 * inner) / 13.0
    change = tf.pad(inner - smooth, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.clip_by_value(images + amount[:, None, None, None] * change, 0.0, WHITE)


def cut_out(images: tf.Tensor, side: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Greys out a square around a point; near the border a part of it falls outside.

    Args:
        images: float32 `[batch, height, width, channels]`.
        side: side of the square in pixels, `[batch]`; 0 for none.
        down: where its centre is, as a fraction of the height, `[batch]`.
        right: the same of the width.
    """
    _, height, width, channels = images.shape
    rows = _covered(down * height, side, height)
    columns = _covered(right * width, side, width)
    # A product and sums of equal shapes: a selection that broadcasts takes four times as long on CPUs.
    covered = rows[:, :, None] @ tf.repeat(columns, channels, axis=1)[:, None, :]
    covered = tf.reshape(covered, [-1, height, width, channels])
    return images + covered * (GRAY - images)


def _covered(centre: tf.Tensor, side: tf.Tensor, size: int) -> tf.Tensor:
    middles = tf.range(size, dtype=tf.float32) + 0.5
    return tf.cast(tf.abs(middles - centre[:, None]) < side[:, None] / 2.0, tf.float32)


def _blend(table: tf.Tensor, other: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    return table + amount[:, None, None] * (other - table)
