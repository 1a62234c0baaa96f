"""GIF: the first frame, rebuilt as a file of its own, since TensorFlow's decoder would unpack every frame."""

from typing import NamedTuple

import tensorflow as tf

from aag_tf.data.files.formats.gif import CONTROL, DESCRIPTOR, EXTENSION, GUARD, HEADER, IMAGE, MAX_BLOCKS, WHITE
from aag_tf.export.decoding.orientation import Turned
from aag_tf.export.decoding.strings import number, part, require, require_pixels

STARTS = (b"GIF87a", b"GIF89a")


class _Frame(NamedTuple):
    """The first frame: offsets of its descriptor and of the end of its data, and its transparent index (-1: none)."""

    start: tf.Tensor
    end: tf.Tensor
    transparent: tf.Tensor


def decode_gif(data: tf.Tensor, max_pixels: tf.Tensor | int, max_blocks: int = MAX_BLOCKS) -> Turned:
    """Decodes the first frame on its canvas, transparent pixels white: uint8 [h, w, 3]."""
    codes = tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int32)
    frame = _first_frame(codes, max_blocks)
    left, top, width, height = (number(data, frame.start + at, 2, "little") for at in (1, 3, 5, 7))
    canvas_width = tf.maximum(number(data, 6, 2, "little"), left + width)
    canvas_height = tf.maximum(number(data, 8, 2, "little"), top + height)
    checks = [
        require_pixels(canvas_height, canvas_width, max_pixels),
        require_pixels(height, width, max_pixels),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    single, background = _rebuilt(data, codes, frame)
    frames = tf.io.decode_gif(single)
    with tf.control_dependencies([require(tf.shape(frames)[0] == 2, "the first frame is damaged")]):
        picture = tf.identity(frames[0])
    covered = (left == 0) & (top == 0) & (canvas_width == width) & (canvas_height == height)
    box = [[top, canvas_height - top - height], [left, canvas_width - left - width], [0, 0]]
    # Padding around the wrapped difference from the background leaves the background outside (uint8 wraps around).
    on_canvas = tf.cond(covered, lambda: picture, lambda: tf.pad(picture - background, box) + background)
    return Turned(tf.ensure_shape(on_canvas, [None, None, 3]), tf.constant(1))


def _palette_size(packed: tf.Tensor) -> tf.Tensor:
    return tf.where(packed & 0x80 > 0, 3 * tf.bitwise.left_shift(2, packed & 7), 0)


def _skip_blocks(codes: tf.Tensor, at: tf.Tensor, left: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the offset behind a chain of sub-blocks, and how many more blocks the file may have."""
    end, left = tf.while_loop(
        lambda at, left: (codes[at] > 0) & (left > 0), lambda at, left: (at + 1 + codes[at], left - 1), [at, left]
    )
    with tf.control_dependencies([require(codes[end] == 0, "too many blocks")]):
        return end + 1, left - 1


def _first_frame(codes: tf.Tensor, max_blocks: int) -> _Frame:
    def skip_extension(at: tf.Tensor, transparent: tf.Tensor, left: tf.Tensor) -> tuple[tf.Tensor, ...]:
        control = (codes[at + 1] == CONTROL) & (codes[at + 2] == 4)
        named = tf.cond(control, lambda: tf.where(codes[at + 3] & 1 > 0, codes[at + 6], -1), lambda: transparent)
        end, left = _skip_blocks(codes, at + 2, left)
        return end, named, left

    start, transparent, left = tf.while_loop(
        lambda at, transparent, left: (codes[at] == EXTENSION) & (left > 0),
        skip_extension,
        [HEADER + _palette_size(codes[10]), tf.constant(-1), tf.constant(max_blocks)],
    )
    with tf.control_dependencies([require(codes[start] == IMAGE, "no frame")]):
        end, _ = _skip_blocks(codes, start + DESCRIPTOR + _palette_size(codes[start + 9]) + 1, left)
    return _Frame(start, end, transparent)


def _rebuilt(data: tf.Tensor, codes: tf.Tensor, frame: _Frame) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a file with this frame alone on a canvas of its size, and the color around it (uint8 [3])."""
    start = frame.start
    own = _palette_size(codes[start + 9])
    place = tf.where(own > 0, start + DESCRIPTOR, HEADER)
    palette = part(data, place, tf.where(own > 0, own, _palette_size(codes[10])))
    colors = tf.strings.length(palette) // 3
    with tf.control_dependencies([require(colors > 0, "no colors")]):
        palette = tf.identity(palette)
    clear = (frame.transparent >= 0) & (frame.transparent < colors)
    # The palette gets white in place of the transparent color, which the decoder would show black.
    palette = tf.cond(
        clear,
        lambda: tf.strings.join(
            [
                part(palette, 0, 3 * frame.transparent),
                WHITE,
                part(palette, 3 * frame.transparent + 3, 3 * colors),
            ]
        ),
        lambda: palette,
    )
    background = tf.cond(
        clear,
        lambda: tf.constant([255, 255, 255], tf.uint8),
        lambda: tf.io.decode_raw(part(palette, 0, 3), tf.uint8),
    )
    size, flags = part(data, start + 5, 4), part(data, start + 9, 1)
    behind = start + DESCRIPTOR + own
    pixels = part(data, behind, frame.end - behind)
    head = [part(data, 0, 6), size, part(data, 10, 3)]
    shared = part(data, HEADER, _palette_size(codes[10]))
    descriptor = [b"\x2c\0\0\0\0", size, flags]
    single = tf.cond(
        own > 0,
        lambda: tf.strings.join([*head, shared, *descriptor, palette, pixels, GUARD, b";"]),
        lambda: tf.strings.join([*head, palette, *descriptor, pixels, GUARD, b";"]),
    )
    return single, background
