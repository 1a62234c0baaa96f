"""WebP: the picture, or the first of an animation, rebuilt as a plain file.

TensorFlow 2.21's decoder corrupts memory when it is given an animation, so it only ever gets rebuilt files.
"""

import tensorflow as tf

from aag_tf.export.decoding.color import over_white
from aag_tf.export.decoding.orientation import orientation, upright
from aag_tf.export.decoding.strings import after, number, part, require, require_pixels

CONTAINER, KIND = b"RIFF", b"WEBP"
MAX_CHUNKS = 256
FRAME_HEADER = 16  # bytes of an ANMF chunk before the chunks that it holds
ALPHA_FLAG = b"\x10"


def decode_webp(data: tf.Tensor, max_pixels: tf.Tensor | int) -> tf.Tensor:
    """Decodes to uint8 [h, w, 3], transparency over white. The first frame of an animation must cover its canvas."""
    alpha, at = _find_picture(data)
    kind, size = part(data, at, 4), number(data, at + 4, 4, "little")
    lossless = kind == b"VP8L"
    width, height = tf.cond(lossless, lambda: _lossless_size(data, at), lambda: _lossy_size(data, at))
    extended = part(data, 12, 4) == b"VP8X"
    canvas = [width - 1, height - 1]
    canvas = tf.cond(extended, lambda: [number(data, at, 3, "little") for at in (24, 27)], lambda: canvas)
    complete = at + 8 + tf.cast(size, tf.int32) <= tf.strings.length(data)
    checks = [
        require_pixels(height, width, max_pixels),
        require(tf.reduce_all(tf.equal(canvas, [width - 1, height - 1])), "the picture does not cover its canvas"),
        require(complete & (size < 2**31), "the file ends early"),
    ]
    with tf.control_dependencies(checks):
        picture = _chunk(data, at)
    plain = tf.cond(
        lossless | (alpha < 0),
        lambda: picture,
        lambda: tf.strings.join(
            [b"VP8X\x0a\0\0\0", ALPHA_FLAG, b"\0\0\0", part(data, 24, 6), _chunk(data, alpha), picture]
        ),
    )
    file = tf.strings.join([CONTAINER, _four_bytes(tf.strings.length(plain) + 4), KIND, plain])
    pixels = over_white(tf.io.decode_webp(file)[0])
    return upright(pixels, orientation(_exif(data)))


def _find_picture(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the offsets of the first picture's ALPH chunk (-1: none) and of its VP8 or VP8L chunk."""

    def is_picture(at: tf.Tensor) -> tf.Tensor:
        kind = part(data, at, 4)
        return (kind == b"VP8 ") | (kind == b"VP8L")

    def step(at: tf.Tensor, alpha: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        kind, size = part(data, at, 4), number(data, at + 4, 4, "little")
        with tf.control_dependencies([require(size < 2**30, "a chunk longer than any file")]):
            size = tf.cast(size, tf.int32)
        alpha = tf.where(kind == b"ALPH", at, alpha)
        return at + 8 + tf.where(kind == b"ANMF", FRAME_HEADER, size + size % 2), alpha

    at, alpha = tf.while_loop(
        lambda at, _: ~is_picture(at),
        step,
        [tf.constant(len(CONTAINER) + 4 + len(KIND)), tf.constant(-1)],
        maximum_iterations=MAX_CHUNKS,
    )
    with tf.control_dependencies([require(is_picture(at), "no picture")]):
        return tf.identity(alpha), tf.identity(at)


def _lossy_size(data: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return number(data, at + 14, 2, "little") & 0x3FFF, number(data, at + 16, 2, "little") & 0x3FFF


def _lossless_size(data: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    bits = number(data, at + 9, 4, "little")
    return bits % 2**14 + 1, bits // 2**14 % 2**14 + 1


def _chunk(data: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Returns a chunk with its header, padded to an even length."""
    size = tf.cast(number(data, at + 4, 4, "little"), tf.int32)
    return tf.strings.join([part(data, at, 8 + size), tf.where(size % 2 > 0, b"\0", b"")])


def _four_bytes(number: tf.Tensor) -> tf.Tensor:
    """Encodes a number as four bytes, little-endian."""
    every_byte = tf.constant([bytes([value]) for value in range(256)])
    return tf.strings.reduce_join(tf.gather(every_byte, [number // 256**power % 256 for power in range(4)]))


def _exif(data: tf.Tensor) -> tf.Tensor:
    _, behind = after(data, b"EXIF")
    behind = tf.cond(tf.strings.length(behind) > 4, lambda: part(behind, 4, -1), lambda: tf.constant(b""))
    return tf.cond(part(behind, 0, 6) == b"Exif\0\0", lambda: part(behind, 6, -1), lambda: behind)
