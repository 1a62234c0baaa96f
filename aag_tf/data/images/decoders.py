"""TensorFlow's decoders for pictures that views are cut from, inside `tf.data` and without Python.

They give what `aag_tf.data.files` gives for the same file, pixel by pixel; for other files Python is called.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.data.files.formats.decoded import LARGE_PIXELS, Decoder
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.color import WHITE, over_white, shares
from aag_tf.data.images.cropping import crop_jpeg, crop_picture
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window


def usable_decoders(
    decoders: npt.NDArray[np.uint8],
    found: npt.NDArray[np.integer],
    pixels: npt.NDArray[np.integer],
    channels: int,
    reading: Reading,
) -> npt.NDArray[np.uint8]:
    """Returns the decoder of every file where a graph may use it, and `Decoder.PYTHON` for the others: uint8 [n].

    Args:
        decoders: `Decoder` of the files.
        found: channels of the files.
        pixels: numbers of pixels of the files.
        channels: that all files are read with.
        reading: has the range of deep values.
    """
    if channels not in (1, 3):
        return np.zeros_like(decoders)
    # Of JPEG files only parts are decoded; others take memory that Python bounds.
    usable = (decoders == Decoder.JPEG) | (((found == 1) | (found == channels)) & (pixels <= LARGE_PIXELS))
    if reading.value_range is None:
        usable &= decoders != Decoder.DEEP_PNG
    return np.where(usable, decoders, np.uint8(Decoder.PYTHON))


def crop_encoded(
    decoder: tf.Tensor,
    kinds: Collection[int],
    contents: Callable[[], tf.Tensor],
    by_python: Callable[[], tf.Tensor],
    *,
    channels: int,
    reading: Reading,
    windows: Window,
    sizes: Sequence[Size],
) -> Views:
    """Cuts views out of a picture that one of several decoders decodes.

    Args:
        decoder: a `Decoder`, integer scalar.
        kinds: those that occur, of `Decoder`.
        contents: returns the bytes, a string scalar.
        by_python: returns the picture as Python decodes it, uint8 `[height, width, channels]`.
        channels: that pictures are read with.
        reading: has the range of deep values.
        windows: of the views, float32 `[views]` each.
        sizes: height and width of each view.

    Returns:
        uint8 `[views, height, width, channels]`, of two sizes a tuple of two; raises `InvalidArgumentError`
        for a damaged file.
    """
    decode: dict[int, Callable[[], tf.Tensor]] = {
        Decoder.PYTHON: by_python,
        Decoder.PNG: lambda: tf.io.decode_png(contents(), channels),
        Decoder.TRANSPARENT_PNG: lambda: over_white(tf.io.decode_png(contents(), 4))[..., :channels],
        Decoder.DEEP_PNG: lambda: _decode_deep_png(contents(), channels, reading),
        Decoder.BMP: lambda: tf.io.decode_bmp(contents(), channels),
    }
    decoder = tf.cast(decoder, tf.int32)

    # Every operation of a graph takes time, also in branches that are not taken: there are as few as there can be.
    def crop_other() -> Views:
        others = [kind for kind in decode if kind in kinds]
        number = tf.reduce_sum(tf.cast(tf.constant(others) < decoder, tf.int32))
        picture = decode[others[0]]() if len(others) == 1 else tf.switch_case(number, [decode[kind] for kind in others])
        return crop_picture(tf.ensure_shape(picture, [None, None, channels]), windows, sizes)

    def crop_as_jpeg() -> Views:
        return crop_jpeg(contents(), channels, windows, sizes)

    if Decoder.JPEG not in kinds:
        return crop_other()
    if len(kinds) == 1:
        return crop_as_jpeg()
    return tf.cond(decoder == Decoder.JPEG, crop_as_jpeg, crop_other)


def _decode_deep_png(data: tf.Tensor, channels: int, reading: Reading) -> tf.Tensor:
    values = tf.io.decode_png(data, channels, dtype=tf.uint16)
    return tf.cast(tf.round(WHITE * shares(values, reading.value_range or (0.0, 1.0))), tf.uint8)
