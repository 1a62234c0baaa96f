"""Cuts the views of a picture out of its file at full resolution: decoded once, each view scaled with antialiasing.

Everything here is TensorFlow and runs inside `tf.data`, so that threads of the host share the work without Python.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from aag_tf.data.images.color import gray
from aag_tf.data.images.view_groups import Size, Views, stack_views
from aag_tf.data.images.windows import Window, hull, in_pixels

# A JPEG decoder can skip work by decoding at a half, a quarter or an eighth of the size.
REDUCTIONS = (1, 2, 4, 8)
# Source pixels a new pixel beyond which bilinear scaling, which looks at two of them, begins to miss some. Its distance
# to a Lanczos filter, on photographs, is that of the mean at 1.25 (3.7 and 3.8 levels), and larger at 1.75 (4.9, 3.1).
SHRINKS_MUCH = 1.5


def crop_picture(picture: tf.Tensor, windows: Window, sizes: Sequence[Size]) -> Views:
    """Cuts views out of a decoded picture.

    Args:
        picture: uint8 `[height, width, channels]`.
        windows: of the views, float32 `[views]` each.
        sizes: height and width of each view.

    Returns:
        uint8 `[views, height, width, channels]`, of two sizes a tuple of two.
    """
    height, width = tf.unstack(tf.shape(picture)[:2])
    boxes = in_pixels(windows, height, width)
    return _cut(picture, boxes, sizes)


def crop_jpeg(contents: tf.Tensor, channels: int, windows: Window, sizes: Sequence[Size]) -> Views:
    """Cuts views out of a JPEG file that needs no turning.

    Only the smallest rectangle that holds all views is decoded, and at a half, a quarter or an eighth of its size where
    every view still has as many pixels as it needs.

    Args:
        contents: the bytes, a string scalar.
        channels: 1 for gray, 3 for RGB.
        windows: of the views, float32 `[views]` each.
        sizes: height and width of each view.

    Returns:
        uint8 `[views, height, width, channels]`, of two sizes a tuple of two; raises `InvalidArgumentError`
        for a damaged file.
    """
    height, width = tf.unstack(tf.image.extract_jpeg_shape(contents)[:2])
    reduced = tf.reduce_sum(tf.cast(_spare(windows, height, width, sizes) >= REDUCTIONS[1:], tf.int32))
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
            channels=3,
            ratio=ratio,
            dct_method="INTEGER_ACCURATE",
        )

    picture = tf.switch_case(reduced, [decode(ratio) for ratio in REDUCTIONS])
    if channels == 1:
        picture = gray(picture)  # that of the file itself is of colors beyond those that can be shown
    return _cut(picture, boxes - tf.tile(around[:2], [2]), sizes)


def scale(picture: tf.Tensor, size: Size) -> tf.Tensor:
    """Scales a picture: the mean over each new pixel's area where it shrinks much, bilinear where it does not.

    On photographs both are nearer to an ideal filter than antialiased bilinear scaling, and several times faster than
    TensorFlow's kernel for that.

    Args:
        picture: uint8 `[height, width, channels]`.
        size: height and width to return.

    Returns:
        uint8 `[*size, channels]`.
    """
    height, width = tf.unstack(tf.shape(picture)[:2])
    batch = picture[tf.newaxis]

    def bilinear(images: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.ResizeBilinear(images=images, size=size, half_pixel_centers=True)

    def area() -> tf.Tensor:
        # A side that grows is left to bilinear scaling, which costs nothing where there is none.
        smaller = [tf.minimum(height, size[0]), tf.minimum(width, size[1])]
        return bilinear(tf.raw_ops.ResizeArea(images=batch, size=smaller))

    tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    much = tf.maximum(tall / size[0], wide / size[1]) > SHRINKS_MUCH
    scaled = tf.cond(much, area, lambda: bilinear(batch))
    return tf.cast(tf.round(scaled[0]), tf.uint8)


def _cut(picture: tf.Tensor, boxes: tf.Tensor, sizes: Sequence[Size]) -> Views:
    views = []
    for box, size in zip(tf.unstack(boxes), sizes, strict=True):
        top, left, bottom, right = tf.unstack(box)
        views.append(scale(picture[top:bottom, left:right], size))
    return stack_views(views, sizes)


def _spare(windows: Window, height: tf.Tensor, width: tf.Tensor, sizes: Sequence[Size]) -> tf.Tensor:
    """How many times more pixels along a side than it needs the view has that has fewest more, rounded down."""
    rows, columns = tf.unstack(tf.constant(sizes, tf.float32), axis=1)
    tall, wide = windows.height * tf.cast(height, tf.float32), windows.width * tf.cast(width, tf.float32)
    smallest = tf.reduce_min(tf.minimum(tall / rows, wide / columns))
    return tf.cast(smallest, tf.int32)
