"""Brightness, contrast, saturation, hue and grayscale of each image as one 3×3 matrix and one offset.

Images of other than three channels have brightness and contrast alone: saturation, hue and gray mean nothing for them.

The reference works in HSV and clips after every step, which a matrix cannot do. Here saturation blends with the luma,
and hue rotates the color about the gray axis, which agrees with HSV at every third of a turn and leaves grays as they
are.
"""

import math

import tensorflow as tf

LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, as in `tf.image.rgb_to_grayscale`
WHITE = 255.0


def is_color(images: tf.Tensor) -> bool:
    """Whether images `[..., channels]` have red, green and blue, which saturation, hue and grayscale need."""
    return images.shape[-1] == 3


def saturation_matrix(factor: tf.Tensor) -> tf.Tensor:
    """Blends every channel with the luma: factor 0 is grayscale, 1 the identity; `[batch]` to `[batch, 3, 3]`."""
    factor = factor[:, None, None]
    luma = tf.constant([LUMA] * 3) / sum(LUMA)
    return factor * tf.eye(3) + (1.0 - factor) * luma


def hue_matrix(turns: tf.Tensor) -> tf.Tensor:
    """Rotation about the gray axis: a third of a turn takes red to green; `[batch]` to `[batch, 3, 3]`."""
    angle = turns[:, None, None] * (2.0 * math.pi)
    gray = tf.ones([3, 3]) / 3.0
    # Rodrigues' formula for the axis (1, 1, 1) / √3.
    cross = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3.0)
    return gray + tf.cos(angle) * (tf.eye(3) - gray) + tf.sin(angle) * cross


def color_matrix(saturation: tf.Tensor, turns: tf.Tensor, gray: tf.Tensor) -> tf.Tensor:
    """Saturation, then hue, then grayscale for some images: `[batch]` each to `[batch, 3, 3]`.

    Args:
        saturation: factor; 1 is the identity.
        turns: rotation of hue in turns; 0 is the identity.
        gray: booleans; true makes an image gray.
    """
    matrix = hue_matrix(turns) @ saturation_matrix(saturation)
    return saturation_matrix(tf.where(gray, 0.0, 1.0)) @ matrix


def apply_jitter(
    images: tf.Tensor, *, brightness: tf.Tensor, contrast: tf.Tensor, matrix: tf.Tensor | None = None
) -> tf.Tensor:
    """Color jitter in keras-cv's order: brightness, contrast, then the color matrix.

    Brightness is clipped before contrast is applied about each channel's mean, because the mean of an overexposed
    picture is not the mean of the original; the rest is one matrix and one offset per image.

    Args:
        images: float32 `[batch, height, width, channels]` in [0, 255].
        brightness: gray levels to add, `[batch]`; 0 is the identity.
        contrast: factor about the mean, `[batch]`; 1 is the identity.
        matrix: `[batch, 3, 3]` for three channels, rows summing to 1; `None` for the identity.

    Returns:
        float32 of the same shape, in [0, 255].
    """
    _, height, width, channels = images.shape
    images = tf.clip_by_value(images + brightness[:, None, None, None], 0.0, WHITE)
    # A matrix product, because XLA sums over adjacent pixels one by one.
    mean = tf.fill([1, height], 1.0 / height) @ tf.reshape(images, [-1, height, width * channels])
    mean = tf.reduce_mean(tf.reshape(mean, [-1, width, channels]), axis=1)
    contrast = contrast[:, None]
    offset = (1.0 - contrast) * mean
    if matrix is None:
        images = contrast[:, None, None] * images + offset[:, None, None]
    else:
        images = multiply(images, contrast[:, None] * matrix) + tf.linalg.matvec(matrix, offset)[:, None, None]
    return tf.clip_by_value(images, 0.0, WHITE)


def multiply(images: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """`matrix @ pixel` for every pixel: `[batch, h, w, 3]` and `[batch, 3, 3]` to `[batch, h, w, 3]`.

    Written as three products and sums, which XLA fuses with the operations before and after.
    """
    return sum(images[..., k : k + 1] * matrix[:, None, None, :, k] for k in range(3))
