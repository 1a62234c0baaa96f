"""Cuts the views of a picture out of its file at full resolution: decoded once, each view scaled with antialiasing.

Everything here is TensorFlow and runs inside `tf.data`, so that threads of the host share the work without Python.
"""

from collections.abc import Callable

import tensorflow as tf

from aag_tf.data.windows import ChooseWindows, Window, hull, in_pixels

Size = tuple[int, int]

# A JPEG decoder can skip work by decoding at a half, a quarter or an eighth of the size.
REDUCTIONS = (1, 2, 4, 8)
JPEG_START = b"\xff\xd8\xff"


def crop_picture(picture: tf.Tensor, choose: ChooseWindows, size: Size) -> tf.Tensor:
    """Cuts views out of a decoded picture.

    Args:
        picture: uint8 `[height, width, channels]`.
        choose: windows of the views from the picture's aspect.
        size: height and width of the views.

    Returns:
        uint8 `[views, *size, channels]`.
    """
    height, width = tf.unstack(tf.shape(picture)[:2])
    boxes = in_pixels(choose(_aspect(height, width, size)), height, width)
    return _cut(picture, boxes, size)


def crop_jpeg(contents: tf.Tensor, channels: int, choose: ChooseWindows, size: Size) -> tf.Tensor:
    """Cuts views out of a JPEG file that needs no turning.

    Only the smallest rectangle that holds all views is decoded, and at a half, a quarter or an eighth of its size where
    every view still has as many pixels as it needs.

    Args:
        contents: the bytes, a string scalar.
        channels: 1 for gray, 3 for RGB.
        choose: windows of the views from the picture's aspect.
        size: height and width of the views.

    Returns:
        uint8 `[views, *size, channels]`; raises `InvalidArgumentError` for a damaged file.
    """
    height, width = tf.unstack(tf.image.extract_jpeg_shape(contents)[:2])
    windows = choose(_aspect(height, width, size))
    reduced = tf.reduce_sum(tf.cast(_spare(windows, height, width, size) >= REDUCTIONS[1:], tf.int32))
    ratio = tf.gather(tf.constant(REDUCTIONS), reduced)
    # As libjpeg rounds.
    height, width = -(-height // ratio), -(-width // ratio)
    boxes = in_pixels(windows, height, width)
    around = hull(boxes)

    def decode(ratio: int) -> Callable[[], tf.Tensor]:
        corner, extent = around[:2], around[2:] - around[:2]
        return lambda: tf.raw_ops.DecodeAndCropJpeg(
            contents=contents,
            crop_window=tf.concat([corner, extent], axis=0),
            channels=channels,
            ratio=ratio,
            dct_method="INTEGER_ACCURATE",
        )

    picture = tf.switch_case(reduced, [decode(ratio) for ratio in REDUCTIONS])
    return _cut(picture, boxes - tf.tile(around[:2], [2]), size)


def scale(picture: tf.Tensor, size: Size) -> tf.Tensor:
    """Scales a picture: the mean over each new pixel's area where it shrinks, bilinear where it grows.

    Both are several times faster than TensorFlow's antialiased bilinear kernel.

    Args:
        picture: uint8 `[height, width, channels]`.
        size: height and width to return.

    Returns:
        uint8 `[*size, channels]`.
    """
    height, width = tf.unstack(tf.shape(picture)[:2])
    shrinks = height * width > size[0] * size[1]
    batch = picture[tf.newaxis]
    scaled = tf.cond(
        shrinks,
        lambda: tf.raw_ops.ResizeArea(images=batch, size=size),
        lambda: tf.raw_ops.ResizeBilinear(images=batch, size=size, half_pixel_centers=True),
    )
    return tf.cast(tf.round(scaled[0]), tf.uint8)


def _cut(picture: tf.Tensor, boxes: tf.Tensor, size: Size) -> tf.Tensor:
    views = []
    for view in range(boxes.shape[0]):
        top, left, bottom, right = tf.unstack(boxes[view])
        views.append(scale(picture[top:bottom, left:right], size))
    return tf.stack(views)


def _aspect(height: tf.Tensor, width: tf.Tensor, size: Size) -> tf.Tensor:
    return tf.cast(width, tf.float32) / tf.cast(height, tf.float32) * (size[0] / size[1])


def _spare(windows: Window, height: tf.Tensor, width: tf.Tensor, size: Size) -> tf.Tensor:
    """How many times more pixels the smallest view has along a side than it needs, rounded down."""
    tall, wide = windows.height * tf.cast(height, tf.float32), windows.width * tf.cast(width, tf.float32)
    smallest = tf.reduce_min(tf.minimum(tall / size[0], wide / size[1]))
    return tf.cast(smallest, tf.int32)
