"""WebP: the picture, or the first of an animation, rebuilt as a plain file.

TensorFlow 2.21's decoder corrupts memory when it is given an animation, so it only ever gets rebuilt files.
"""

from typing import NamedTuple

import tensorflow as tf

from aag_tf.data.files.formats.webp import (
    ALPHA,
    ALPHA_FLAG,
    BODY,
    CONTAINER,
    EXIF,
    EXIF_START,
    EXTENDED,
    FRAME,
    FRAME_HEADER,
    KIND,
    LOSSLESS,
    LOSSY,
    MAX_CHUNKS,
    MOST_CHUNKS,
)
from aag_tf.data.images.color import over_white
from aag_tf.export.decoding.orientation import Turned, orientation
from aag_tf.export.decoding.strings import codes_at, contains, length, number, part, require, require_pixels

WHITE = 255


class _Places(NamedTuple):
    """Offsets of the frame and of the ALPH chunk (0: none) before the first picture, and of its chunk."""

    frame: tf.Tensor
    alpha: tf.Tensor
    at: tf.Tensor


def decode_webp(data: tf.Tensor, max_pixels: tf.Tensor | int) -> Turned:
    """Decodes to uint8 [h, w, 3], transparency over white; the first frame of an animation on its canvas."""
    end = 8 + number(data, 4, 4, "little")
    with tf.control_dependencies([require(end <= length(data), "the file ends early")]):
        data = part(data, 0, end)
    frame, alpha, at = _find_picture(data)
    kind, size = part(data, at, 4), number(data, at + 4, 4, "little")
    lossless = kind == LOSSLESS
    width, height = tf.cond(lossless, lambda: _lossless_size(data, at), lambda: _lossy_size(data, at))
    extended = part(data, BODY, 4) == EXTENDED
    canvas_width, canvas_height = tf.cond(
        extended, lambda: tuple(number(data, at, 3, "little") + 1 for at in (24, 27)), lambda: (width, height)
    )
    nowhere = (tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    left, top = tf.cond(
        frame > 0, lambda: tuple(2 * number(data, frame + at, 3, "little") for at in (8, 11)), lambda: nowhere
    )
    right, below = canvas_width - left - width, canvas_height - top - height
    covered = (left == 0) & (top == 0) & (right == 0) & (below == 0)
    complete = tf.cast(at, tf.int64) + 8 + size <= length(data)
    checks = [
        require_pixels(height, width, max_pixels),
        require_pixels(canvas_height, canvas_width, max_pixels),
        require((right >= 0) & (below >= 0) & (covered | (frame > 0)), "picture and canvas are of different sizes"),
        require(complete, "the file ends early"),
    ]
    with tf.control_dependencies(checks):
        picture = _chunk(data, at)
    plain = tf.cond(
        lossless | (alpha == 0),
        lambda: picture,
        lambda: tf.strings.join(
            [
                EXTENDED + bytes([10, 0, 0, 0, ALPHA_FLAG, 0, 0, 0]),
                _encoded(width - 1, 3),
                _encoded(height - 1, 3),
                _chunk(data, alpha),
                picture,
            ]
        ),
    )
    file = tf.strings.join([CONTAINER, _encoded(tf.strings.length(plain) + 4, 4), KIND, plain])
    pixels = over_white(tf.io.decode_webp(file)[0])
    box = [[top, below], [left, right], [0, 0]]
    on_canvas = tf.cond(
        covered, lambda: pixels, lambda: tf.pad(pixels, box, constant_values=tf.constant(WHITE, tf.uint8))
    )
    exif = tf.cond(contains(data, EXIF), lambda: _exif(data), lambda: tf.constant(b""))
    return Turned(tf.ensure_shape(on_canvas, [None, None, 3]), orientation(exif))


def _find_picture(data: tf.Tensor) -> _Places:
    def is_picture(at: tf.Tensor) -> tf.Tensor:
        kind = part(data, at, 4)
        return (kind == LOSSY) | (kind == LOSSLESS)

    def step(frame: tf.Tensor, alpha: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        kind, size = part(data, at, 4), number(data, at + 4, 4, "little")
        with tf.control_dependencies([require(size < 2**30, "a chunk longer than any file")]):
            size = tf.cast(size, tf.int32)
        behind = at + 8 + tf.where(kind == FRAME, FRAME_HEADER, size + size % 2)
        return tf.where(kind == FRAME, at, frame), tf.where(kind == ALPHA, at, alpha), behind

    found = tf.while_loop(
        lambda frame, alpha, at: ~is_picture(at),
        step,
        [tf.constant(0), tf.constant(0), tf.constant(BODY)],
        maximum_iterations=MAX_CHUNKS,
    )
    with tf.control_dependencies([require(is_picture(found[2]), "no picture")]):
        return _Places(*map(tf.identity, found))


def _lossy_size(data: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return number(data, at + 14, 2, "little") & 0x3FFF, number(data, at + 16, 2, "little") & 0x3FFF


def _lossless_size(data: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    bits = number(data, at + 9, 4, "little")
    return bits % 2**14 + 1, bits // 2**14 % 2**14 + 1


def _chunk(data: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Returns a chunk with its header, padded to an even length."""
    size = tf.cast(number(data, at + 4, 4, "little"), tf.int32)
    return tf.strings.join([part(data, at, 8 + size), tf.where(size % 2 > 0, b"\0", b"")])


def _encoded(number: tf.Tensor, size: int) -> tf.Tensor:
    """Encodes a number as bytes, little-endian."""
    every_byte = tf.constant([bytes([value]) for value in range(256)])
    return tf.strings.reduce_join(tf.gather(every_byte, [number // 256**power % 256 for power in range(size)]))


def _exif(data: tf.Tensor) -> tf.Tensor:
    """The content of the first EXIF chunk; empty if there is none."""

    def kind(at: tf.Tensor) -> tf.Tensor:
        return part(data, tf.minimum(at, end), 4)

    def size(at: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(codes_at(data, at + 4, 4), tf.int64) * [1, 2**8, 2**16, 2**24])

    end = length(data)
    at = tf.while_loop(
        lambda at: (at + 8 <= end) & (kind(at) != EXIF),
        lambda at: at + 8 + size(at) + size(at) % 2,
        [tf.constant(BODY, tf.int64)],
        maximum_iterations=MOST_CHUNKS - 1,
    )[0]
    found = (at + 8 <= end) & (kind(at) == EXIF)
    content = tf.cond(found, lambda: part(data, at + 8, size(at)), lambda: tf.constant(b""))
    start = len(EXIF_START)
    return tf.cond(part(content, 0, start) == EXIF_START, lambda: part(content, start, -1), lambda: content)
