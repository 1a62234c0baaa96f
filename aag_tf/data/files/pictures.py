"""Decodes one page of an image file, of whatever format, to one uint8 image."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.config.reading import MAX_PIXELS
from aag_tf.data.files.fitting import fitted
from aag_tf.data.files.formats import sniffing
from aag_tf.data.files.formats.decoded import Decoded, Header, Want
from aag_tf.data.files.formats.table import MODULES, SUFFIXES, format_of, read_pages
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.regular_file import open_regular
from aag_tf.data.files.shapes import Shape

__all__ = ["SUFFIXES", "Header", "Picture", "decode", "decode_noted", "decode_page", "is_picture", "read_header"]

Picture = str | BinaryIO  # a path, or an open file of encoded bytes
AS_IT_IS = Reading()
KNOWN_SUFFIXES = frozenset(SUFFIXES)


def read_header(picture: Picture, max_pixels: int = MAX_PIXELS) -> Header:
    """Reads size (after EXIF rotation), channels and number of pages of an image file without decoding it.

    Raises:
        DataError: it is of a format that is not read, or too large.
        OSError: the system cannot read it.
    """
    with _opened(picture) as file, format_of(file) as reader:
        return reader.read_header(file, max_pixels)


def decode(picture: Picture, shape: Shape, reading: Reading = AS_IT_IS, page: int = 0) -> npt.NDArray[np.uint8]:
    """Decodes a page of an image file, upright and over white, at the wanted size and number of channels.

    Args:
        picture: the file.
        shape: wanted height, width and channels.
        reading: range of deep values, and how the picture comes to the size (bilinear, antialiased).
        page: number of the page, from 0 on.

    Returns:
        uint8 [*shape].

    Raises:
        DataError: the picture is of a format that is not read, too large, or has values whose range is unknown.
        OSError: the system cannot read it.
    """
    return decode_noted(picture, shape, reading, page)[0]


def decode_noted(picture: Picture, shape: Shape, reading: Reading, page: int = 0) -> tuple[npt.NDArray[np.uint8], str]:
    """`decode`, with what was found odd about the file, in words that follow a number of files; empty for nothing."""
    with _opened(picture) as file, format_of(file) as reader:
        decoded = reader.read_page(file, page, Want(shape[2], max(shape[:2]), reading.max_pixels))
        return fitted(decoded, shape, reading), decoded.note


def decode_pages(
    picture: Picture, shape: Shape, reading: Reading, pages: Sequence[int]
) -> Iterator[tuple[npt.NDArray[np.uint8], str] | Exception]:
    """`decode_noted` for several pages of a file, in one pass; yields the error in place of a page that is broken.

    Args:
        picture: the file.
        shape: wanted height, width and channels.
        reading: as in `decode`.
        pages: numbers of the pages, ascending.

    Raises:
        Exception: as for `decode`, where the file cannot be read at all.
    """
    want = Want(shape[2], max(shape[:2]), reading.max_pixels)
    with _opened(picture) as file, format_of(file) as reader:
        for found in read_pages(reader, file, pages, want):
            try:
                if isinstance(found, Exception):
                    raise found
                yield fitted(found, shape, reading), found.note
            except Exception as error:  # decoders raise many classes
                yield error


def decode_page(picture: Picture, max_pixels: int = MAX_PIXELS, page: int = 0) -> Decoded:
    """Decodes a page at its own size, in its own values and channels.

    Raises:
        Exception: as for `decode`.
    """
    with _opened(picture) as file, format_of(file) as reader:
        return reader.read_page(file, page, Want(None, None, max_pixels))


def decode_whole(picture: Picture, channels: int, reading: Reading = AS_IT_IS, page: int = 0) -> npt.NDArray[np.uint8]:
    """Decodes a page at its own size as an image: uint8 [h, w, channels].

    Raises:
        Exception: as for `decode`.
    """
    with _opened(picture) as file, format_of(file) as reader:
        decoded = reader.read_page(file, page, Want(channels, None, reading.max_pixels))
        return fitted(decoded, (*decoded.size, channels), reading)


def thumbnail(
    picture: Picture, side: int, reading: Reading = AS_IT_IS, page: int = 0, bands: tuple[int, ...] | None = None
) -> Image.Image:
    """Decodes the whole picture as RGB, upright and over white, scaled down to fit a square of `side` pixels.

    Args:
        picture: the file.
        side: of the square.
        reading: range of deep values.
        page: number of the page, from 0 on.
        bands: those of many that are shown as red, green and blue, from 0 on; the first ones if not given.

    Raises:
        Exception: as for `decode`.
    """
    header = read_header(picture, reading.max_pixels)
    scale = min(1.0, side / max(header.height, header.width))
    height, width = (max(1, round(length * scale)) for length in (header.height, header.width))
    many = header.channels not in (1, 3)
    channels = header.channels if many else 3
    stretched = Reading(value_range=reading.value_range, fit="stretch", max_pixels=reading.max_pixels)
    shown = decode(picture, (height, width, channels), stretched, page)
    if many:
        chosen = bands or (range(3) if channels >= 3 else (0, 0, 0))
        shown = shown[..., list(chosen)]
    return Image.fromarray(np.ascontiguousarray(shown))


def is_picture(name: str, folder: str | None = None) -> bool:
    """Whether a file is tried as a picture: it is not hidden, and its suffix says so, or without one its first bytes.

    Args:
        name: of the file.
        folder: that it lies in; without it, as where files lie elsewhere, a suffix is needed.
    """
    if name.startswith("."):
        return False
    suffix = os.path.splitext(name)[1].lower()
    if suffix or folder is None:
        return suffix in KNOWN_SUFFIXES
    try:
        with open_regular(os.path.join(folder, name)) as file:
            kind = sniffing.identify(file.read(sniffing.HEAD))
    except Exception:  # a pipe, or a file that may not be read: no picture that anybody meant
        return False
    return kind is not None and kind.name in MODULES and kind.name != sniffing.ZIP


@contextlib.contextmanager
def _opened(picture: Picture) -> Iterator[BinaryIO]:
    with open_regular(picture) if isinstance(picture, str) else contextlib.nullcontext(picture) as file:
        yield file
