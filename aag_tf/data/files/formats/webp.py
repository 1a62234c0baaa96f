"""WebP: the picture, or the first of an animation, rebuilt as a plain file, is decoded by TensorFlow as in an export.

TensorFlow 2.21's decoder corrupts memory when it is given an animation, so it only ever gets rebuilt files. Frames
behind the first are decoded by Pillow.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from aag_tf.data.files.formats import exif, kernels, pillow
from aag_tf.data.files.formats.decoded import (
    SIDEWAYS,
    Decoded,
    Header,
    Want,
    alone_if_large,
    on_canvas,
    require_pixels,
    upright,
)
from aag_tf.utils.errors import DataError

CONTAINER, KIND = b"RIFF", b"WEBP"
BODY = 12  # bytes before the first chunk
LOSSY, LOSSLESS, ALPHA, EXTENDED, FRAME, EXIF = b"VP8 ", b"VP8L", b"ALPH", b"VP8X", b"ANMF", b"EXIF"
FRAME_HEADER = 16  # bytes of an ANMF chunk before the chunks that it holds
ALPHA_FLAG = 0x10
TRANSPARENT = bytes(4)
MAX_CHUNKS = 256  # before the picture
MOST_CHUNKS = 16_384  # before EXIF, which stands behind all frames
EXIF_START = b"Exif\0\0"  # which some programs write before the data


class First(NamedTuple):
    """The first picture.

    Args:
        left, top: its place on the canvas.
        canvas: height and width of the canvas.
        single: a file of it alone.
        orientation: of the canvas, 1 to 8.
        moves: whether the file is an animation.
    """

    left: int
    top: int
    canvas: tuple[int, int]
    single: bytes
    orientation: int
    moves: bool


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size (after EXIF rotation) and number of frames."""
    first = _read_first(file, max_pixels)
    height, width = first.canvas if first.orientation not in SIDEWAYS else first.canvas[::-1]
    pages, one_size = pillow.count_pages(file) if first.moves else (1, True)
    return Header(height, width, 3, False, pages, one_size)


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes a frame on its canvas."""
    if page > 0:
        return pillow.read_page(file, page, want)
    first = _read_first(file, want.max_pixels)
    with alone_if_large(*first.canvas):
        pixels = kernels.decode_webp(first.single)
        if pixels.shape[:2] != first.canvas:
            opaque = np.full((*pixels.shape[:2], 4 - pixels.shape[2]), 255, np.uint8)
            pixels = on_canvas(np.dstack([pixels, opaque]), first.canvas, first.left, first.top, TRANSPARENT)
        turned = np.ascontiguousarray(upright(pixels, first.orientation))
        return pillow.decoded(Image.fromarray(turned), want.channels)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order; yields the error in place of one that is broken."""
    yield from pillow.read_after_first(read_page, file, pages, want)


def _read_first(file: BinaryIO, max_pixels: int) -> First:
    file.seek(0)
    data = file.read()
    if data[:4] != CONTAINER or 8 + _number(data, 4, 4) > len(data):
        raise DataError("a WebP file that is truncated")
    data = data[: 8 + _number(data, 4, 4)]
    frame, alpha, at = _find_picture(data)
    lossless = data[at : at + 4] == LOSSLESS
    if lossless:
        bits = _number(data, at + 9, 4)
        width, height = bits % 2**14 + 1, bits // 2**14 % 2**14 + 1
    else:
        width, height = _number(data, at + 14, 2) & 0x3FFF, _number(data, at + 16, 2) & 0x3FFF
    canvas = (height, width)
    if data[BODY : BODY + 4] == EXTENDED:
        canvas = (_number(data, 27, 3) + 1, _number(data, 24, 3) + 1)
    left, top = (2 * _number(data, frame + place, 3) for place in (8, 11)) if frame else (0, 0)
    require_pixels(width, height, max_pixels)
    require_pixels(canvas[1], canvas[0], max_pixels)
    if top + height > canvas[0] or left + width > canvas[1] or (not frame and canvas != (height, width)):
        raise DataError("a WebP file whose picture and canvas are of different sizes")
    if at + 8 + _number(data, at + 4, 4) > len(data):
        raise DataError("a WebP file that is truncated")
    plain = _whole_chunk(data, at)
    if alpha and not lossless:
        size = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
        plain = EXTENDED + bytes([10, 0, 0, 0, ALPHA_FLAG, 0, 0, 0]) + size + _whole_chunk(data, alpha) + plain
    single = CONTAINER + (len(plain) + 4).to_bytes(4, "little") + KIND + plain
    return First(left, top, canvas, single, exif.orientation(_exif(data)), frame > 0)


def _find_picture(data: bytes) -> tuple[int, int, int]:
    """Returns the offsets of the frame and the ALPH chunk (0: none) before the first picture, and of its chunk."""
    at, frame, alpha = BODY, 0, 0
    for _ in range(MAX_CHUNKS):
        kind = data[at : at + 4]
        if kind in (LOSSY, LOSSLESS):
            break
        size = _number(data, at + 4, 4)
        if size >= 2**30:
            raise DataError("a WebP file that is damaged (a chunk longer than any file)")
        if kind == ALPHA:
            alpha = at
        if kind == FRAME:
            frame = at
        at += 8 + (FRAME_HEADER if kind == FRAME else size + size % 2)
    if data[at : at + 4] not in (LOSSY, LOSSLESS):
        raise DataError("a WebP file without a picture")
    return frame, alpha, at


def _exif(data: bytes) -> bytes:
    """The content of the first EXIF chunk; empty if there is none."""
    at = BODY
    for _ in range(MOST_CHUNKS):
        head = data[at : at + 8]
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:], "little")
        if head[:4] == EXIF:
            return data[at + 8 : at + 8 + size].removeprefix(EXIF_START)
        at += 8 + size + size % 2
    return b""


def _whole_chunk(data: bytes, at: int) -> bytes:
    """A chunk with its header, padded to an even length."""
    size = _number(data, at + 4, 4)
    return data[at : at + 8 + size] + bytes(size % 2)


def _number(data: bytes, at: int, size: int) -> int:
    """Reads an unsigned number."""
    found = data[at : at + size]
    if len(found) < size:
        raise DataError("a WebP file that is truncated")
    return int.from_bytes(found, "little")
