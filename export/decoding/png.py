"""PNG: size and color type from the first chunk; the picture itself, not the frames of an animation."""

from typing import NamedTuple

import tensorflow as tf

from aag_tf.data.files.formats.exif import LONGEST_EXIF
from aag_tf.data.files.formats.png import COLOR, END, EXIF, GRAY, KEY, MAX_CHUNKS, PIXELS, START
from aag_tf.data.images.color import over_white
from aag_tf.export.decoding.orientation import Turned, orientation
from aag_tf.export.decoding.strings import codes_at, contains, length, number, part, require, require_pixels

DEPTH, TYPE = 24, 25  # places of the bits of a sample and of the type of color


class Facts(NamedTuple):
    """What chunks say of a picture: whether a color of it is transparent, and its orientation, 1 to 8."""

    keyed: tf.Tensor
    orientation: tf.Tensor


def decode_png(data: tf.Tensor, facts: Facts, max_pixels: tf.Tensor | int) -> Turned:
    """Decodes a file of up to 8 bits a color to uint8 [h, w, 3], transparency over white."""
    data = _checked(data, max_pixels)
    return Turned(over_white(_decode(data, facts.keyed, tf.uint8)), facts.orientation)


def decode_deep_png(data: tf.Tensor, facts: Facts, max_pixels: tf.Tensor | int) -> Turned:
    """Decodes a file of 16 bits a color to uint16 [h, w, 1 to 4], opacity last."""
    data = _checked(data, max_pixels)
    return Turned(_decode(data, facts.keyed, tf.uint16), facts.orientation)


def read_facts(data: tf.Tensor) -> Facts:
    """Reads the chunks of a PNG file; never raises."""

    def of_png() -> Facts:
        color = codes_at(data, TYPE, 1)[0]
        opaque = (color == GRAY) | (color == COLOR)
        keyed = tf.cond(opaque, lambda: tf.strings.length(_chunk(data, KEY, (PIXELS, END))) > 0, lambda: False)
        exif = tf.cond(contains(data, EXIF), lambda: _chunk(data, EXIF, (END,)), lambda: tf.constant(b""))
        return Facts(keyed, orientation(exif))

    return tf.cond(_is_png(data), of_png, lambda: Facts(tf.constant(False), tf.constant(1)))


def is_deep(data: tf.Tensor) -> tf.Tensor:
    """Whether a file is a PNG file of 16 bits a color; never raises."""
    return _is_png(data) & (codes_at(data, DEPTH, 1)[0] == 16)


def _is_png(data: tf.Tensor) -> tf.Tensor:
    return part(data, 0, len(START)) == START


def _checked(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    width, height = number(data, 16, 4, "big"), number(data, 20, 4, "big")
    checks = [
        require(part(data, 12, 4) == b"IHDR", "a PNG file without a header"),
        require_pixels(height, width, max_pixels),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(data)


def _decode(data: tf.Tensor, keyed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Pixels with 1 to 4 channels, of which an even number has opacity last."""
    depth, color = tf.unstack(codes_at(data, DEPTH, 2))

    def with_key() -> tf.Tensor:
        picture = tf.io.decode_png(data, channels=4, dtype=dtype)
        # Where the decoder finds the key damaged, it takes all for opaque; of few bits it has 1, 3 or 15 for that.
        opacity = tf.where((depth < 8) & (picture[..., 3:] > 0), tf.constant(dtype.max, dtype), picture[..., 3:])
        return tf.cond(
            color == GRAY,
            lambda: tf.concat([picture[..., :1], opacity], axis=2),
            lambda: tf.concat([picture[..., :3], opacity], axis=2),
        )

    return tf.cond(keyed, with_key, lambda: tf.io.decode_png(data, dtype=dtype))


def _chunk(data: tf.Tensor, wanted: bytes, ends: tuple[bytes, ...]) -> tf.Tensor:
    """The content of the first chunk of a kind before those of others; empty if there is none."""

    def kind(at: tf.Tensor) -> tf.Tensor:
        return part(data, tf.minimum(at + 4, end), 4)

    def size(at: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(codes_at(data, at, 4), tf.int64) * [2**24, 2**16, 2**8, 1])

    def is_other(at: tf.Tensor) -> tf.Tensor:
        return (at + 8 <= end) & tf.reduce_all(kind(at) != tf.constant([wanted, *ends])) & (size(at) < 2**31)

    end = length(data)
    at = tf.while_loop(
        is_other, lambda at: at + 12 + size(at), [tf.constant(len(START), tf.int64)], maximum_iterations=MAX_CHUNKS - 1
    )[0]
    found = (at + 8 <= end) & (kind(at) == wanted) & (size(at) < 2**31)
    return tf.cond(found, lambda: part(data, at + 8, tf.minimum(size(at), LONGEST_EXIF)), lambda: tf.constant(b""))
