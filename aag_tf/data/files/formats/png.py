"""PNG: decoded by TensorFlow, as in an export; the frames behind the first of an animation by Pillow."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data.files.formats import exif, kernels, pillow
from aag_tf.data.files.formats.decoded import (
    SIDEWAYS,
    Decoded,
    Decoder,
    Header,
    Want,
    alone_if_large,
    require_pixels,
    upright,
)
from aag_tf.utils.errors import DataError

START = b"\x89PNG\r\n\x1a\n"
HEAD = 26  # bytes up to the one that says the type of color
GRAY, COLOR, PALETTE, GRAY_ALPHA = 0, 2, 3, 4  # types of color
LARGEST = 65_535
MAX_CHUNKS = 16_384  # in which transparency and EXIF are looked for
FRAMES, PIXELS, END, KEY, EXIF = b"acTL", b"IDAT", b"IEND", b"tRNS", b"eXIf"
TAIL = 2**16  # bytes at the end of a file in which EXIF is looked for that stands behind the pixels
AT_END = 1024  # bytes at the end in which the end is looked for; programs may add some behind it


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size, color and number of frames; of 16-bit color only the first is counted."""
    width, height, depth, color = _read_start(file)
    require_pixels(width, height, max_pixels)
    turned = exif.orientation(_chunk(file, EXIF, (PIXELS, END)))
    if turned in SIDEWAYS:
        height, width = width, height
    moving = (depth < 16 or color == GRAY) and _chunk(file, FRAMES, (PIXELS, END)) != b""
    pages, one_size = pillow.count_pages(file) if moving else (1, True)
    channels = 1 if color in (GRAY, GRAY_ALPHA) else 3
    tail = _tail(file)
    plain = turned == 1 and not moving and EXIF not in tail[max(0, tail.rfind(PIXELS)) :]
    decoder = _decoder(file, depth, color) if plain else Decoder.PYTHON
    return Header(height, width, channels, depth == 16, pages, one_size, decoder=decoder, ends=END in tail[-AT_END:])


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes the picture, or a frame of an animation."""
    if page > 0:
        return pillow.read_page(file, page, want)
    width, height, depth, color = _read_start(file)
    require_pixels(width, height, want.max_pixels)
    keyed = color in (GRAY, COLOR) and _chunk(file, KEY, (PIXELS, END)) != b""
    turned = exif.orientation(_chunk(file, EXIF, (END,)))
    file.seek(0)
    with alone_if_large(width, height, bands=8 if depth == 16 else 4):
        pixels = kernels.decode_png(file.read(), 4 if keyed else 0, deep=depth == 16)
        if keyed and color == GRAY:
            pixels = pixels[..., 2:]
        if keyed and depth < 8:
            # Where the decoder finds the key damaged, it takes all for opaque; of few bits it has 1, 3 or 15 for that.
            pixels = np.concatenate([pixels[..., :-1], np.where(pixels[..., -1:] > 0, np.uint8(255), np.uint8(0))], 2)
        return _decoded(np.ascontiguousarray(upright(pixels, turned)), want)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order; yields the error in place of one that is broken."""
    yield from pillow.read_after_first(read_page, file, pages, want)


def _decoded(pixels: npt.NDArray[Any], want: Want) -> Decoded:
    """Pixels [h, w, 1 to 4], of an even number with opacity last."""
    if pixels.dtype == np.uint8:
        return pillow.decoded(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), want.channels)
    if pixels.shape[2] % 2 or want.channels == pixels.shape[2]:
        return Decoded(pixels)
    return Decoded(pixels[..., :-1], (pixels[..., -1] / LARGEST).astype(np.float32))


def _read_start(file: BinaryIO) -> tuple[int, int, int, int]:
    """Returns width, height, bits of a sample, and type of color."""
    file.seek(0)
    head = file.read(HEAD)
    if len(head) < HEAD or head[12:16] != b"IHDR":
        raise DataError("a PNG file without a header")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"), head[24], head[25]


def _chunk(file: BinaryIO, wanted: bytes, ends: tuple[bytes, ...]) -> bytes:
    """Returns the content of the first chunk of a kind before those of others; empty if there is none."""
    at = len(START)
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or kind in ends or size >= 2**31:
            break
        if kind == wanted:
            return file.read(min(size, exif.LONGEST_EXIF))
        at += 12 + size
    return b""


def _decoder(file: BinaryIO, depth: int, color: int) -> Decoder:
    """Returns the decoder of an upright picture; the rarest kinds are left to Python."""
    keyed = _chunk(file, KEY, (PIXELS, END)) != b""
    if depth == 16:
        return Decoder.DEEP_PNG if color in (GRAY, COLOR) and not keyed else Decoder.PYTHON
    if color in (GRAY, COLOR, PALETTE):
        # Of few bits, a key that is damaged would make all transparent.
        few_bits = Decoder.PYTHON if depth < 8 else Decoder.TRANSPARENT_PNG
        return few_bits if keyed else Decoder.PNG
    return Decoder.TRANSPARENT_PNG


def _tail(file: BinaryIO) -> bytes:
    file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
    return file.read()
