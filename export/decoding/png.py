"""PNG: size and color type from the first chunk; the picture itself, not the frames of an animation."""

import tensorflow as tf

from aag_tf.export.decoding.color import over_white
from aag_tf.export.decoding.orientation import orientation, upright
from aag_tf.export.decoding.strings import after, number, part, require, require_pixels

START = b"\x89PNG\r\n\x1a\n"
DEPTH_END = 25  # bytes up to the one that says how many bits a color has


def decode_png(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    """Decodes a file of up to 8 bits a color to uint8 [h, w, 3], transparency over white."""
    data = _checked(data, max_pixels)
    return upright(over_white(tf.io.decode_png(data)), _orientation(data))  # with four channels it misreads 1-bit gray


def decode_deep_png(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    """Decodes a file of 16 bits a color to uint16 [h, w, 1 to 4], opacity last."""
    data = _checked(data, max_pixels)
    return upright(tf.io.decode_png(data, dtype=tf.uint16), _orientation(data))


def is_deep(data: tf.Tensor) -> tf.Tensor:
    """Whether a file is a PNG file of 16 bits a color; never raises."""
    long = tf.strings.length(data) >= DEPTH_END
    return (
        long
        & (tf.strings.substr(data, 0, 8) == START)
        & (tf.strings.substr(data, 24 * tf.cast(long, tf.int32), 1) == b"\x10")
    )


def _checked(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    width, height = number(data, 16, 4, "big"), number(data, 20, 4, "big")
    checks = [
        require(part(data, 12, 4) == b"IHDR", "a PNG file without a header"),
        require_pixels(height, width, max_pixels),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(data)


def _orientation(data: tf.Tensor) -> tf.Tensor:
    _, exif = after(data, b"eXIf")
    return orientation(exif)
