"""PNG: size and color type from the first chunk; the picture itself, not the frames of an animation."""

import tensorflow as tf

from aag_tf.export.decoding.color import eight_bits, over_white
from aag_tf.export.decoding.orientation import orientation, upright
from aag_tf.export.decoding.strings import after, number, part, require, require_pixels

START = b"\x89PNG\r\n\x1a\n"
GRAY = 0


def decode_png(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    """Decodes to uint8 [h, w, 3]: transparency over white, 16-bit gray scaled, 16-bit color without its lower byte."""
    width, height = number(data, 16, 4, "big"), number(data, 20, 4, "big")
    depth, kind = number(data, 24, 1, "big"), number(data, 25, 1, "big")
    checks = [
        require(part(data, 12, 4) == b"IHDR", "a PNG file without a header"),
        require_pixels(height, width, max_pixels),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    picture = tf.cond(
        (depth == 16) & (kind == GRAY),
        lambda: eight_bits(tf.io.decode_png(data, channels=1, dtype=tf.uint16)),
        lambda: over_white(tf.io.decode_png(data)),  # with four channels it would misread 1-bit gray
    )
    _, exif = after(data, b"eXIf")
    return upright(picture, orientation(exif))
