"""PNG: 16 bits a color, of which Pillow would keep 8, are decoded by TensorFlow; everything else by Pillow."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image

from aag_tf.data.formats import pillow
from aag_tf.data.formats.decoded import Decoded, Header, Want, alone_if_large, upright
from aag_tf.utils.errors import DataError

DEPTH, COLOR_TYPE = 24, 25  # places of two bytes of the first chunk
GRAY, TRANSPARENT = 0, (4, 6)
LARGEST = 65_535


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size, color and number of frames; of 16-bit color only the first is counted."""
    header = pillow.read_header(file, max_pixels)
    return header._replace(deep=True, pages=1) if _is_deep_color(file) else header


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes one frame."""
    return _deep_color(file, want) if _is_deep_color(file) else pillow.read_page(file, page, want)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames of an animation, which has 8 bits a color."""
    return pillow.read_pages(file, pages, want)


def _is_deep_color(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(COLOR_TYPE + 1)
    return len(head) > COLOR_TYPE and head[DEPTH] == 16 and head[COLOR_TYPE] != GRAY


def _deep_color(file: BinaryIO, want: Want) -> Decoded:
    import tensorflow as tf

    with pillow.opened(file, 0, want.max_pixels) as image:
        orientation = Image.Image.getexif(image).get(0x0112, 1)
        size = image.size
    file.seek(0)
    content = file.read()
    try:
        with tf.device("CPU:0"), alone_if_large(*size, bands=8):
            pixels = upright(tf.io.decode_png(content, dtype=tf.uint16).numpy(), orientation)
    except tf.errors.OpError as error:
        raise DataError("a 16-bit PNG that is truncated or damaged") from error
    if content[COLOR_TYPE] not in TRANSPARENT or want.channels == pixels.shape[2]:
        return Decoded(pixels)
    return Decoded(pixels[..., :-1], (pixels[..., -1] / LARGEST).astype(np.float32))
