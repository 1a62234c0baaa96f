"""JPEG: decoded by TensorFlow, as in an export; the pictures behind the first of an MPO file by Pillow."""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
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

# A few bytes of a progressive JPEG can demand a full pass over the picture. Encoders write about ten scans.
MAX_PASSES = 16  # over a picture of the most pixels; smaller ones may have more
MAX_SCANS = 256
MAX_BYTES = 2**29 - 1  # of decoded pixels; TensorFlow refuses more
# Marker and first length byte of a scan: the marker alone also occurs by chance, as in a video after a photograph.
SCAN = b"\xff\xda\0"
MAX_SEGMENTS = 1024  # before the first scan, in which EXIF is looked for
FILL, APP1, APP2, PROGRESSIVE = 0xFF, 0xE1, 0xE2, 0xC2
FRAMES = (0xC0, 0xC1, PROGRESSIVE, 0xC9, 0xCA)  # baseline, extended, progressive, arithmetic: what is decoded
ALONE = (0x00, 0x01, *range(0xD0, 0xDB))  # markers without a length, and that of a scan
EXIF, SEVERAL = b"Exif\0\0", b"MPF\0"
INKS = 4
# Stands for the marker of Adobe in files of ink that lack it: cameras and browsers take all of them for inverted.
ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
END, TAIL = b"\xff\xd9", 1024  # the end of a picture, and the bytes at the end of a file in which it is looked for


class Frame(NamedTuple):
    """What the segments before the first scan say; sizes are zero where they are not where they should be."""

    height: int = 0
    width: int = 0
    components: int = 0
    progressive: bool = False
    orientation: int = 1
    several: bool = False


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size (after EXIF rotation), color and number of pictures."""
    frame = _read_frame(file)
    if min(frame[:3]) < 1:
        height, width, components = kernels.jpeg_shape(_content(file))
        frame = frame._replace(height=height, width=width, components=components)
    require_pixels(frame.width, frame.height, max_pixels)
    plain = frame.components in (1, 3) and frame.orientation == 1 and not frame.several
    if plain and frame.progressive:
        require_few_scans(_content(file), frame.height, frame.width, max_pixels)
    pages, one_size = pillow.count_pages(file) if frame.several else (1, True)
    height, width = frame[:2] if frame.orientation not in SIDEWAYS else frame[1::-1]
    channels = 1 if frame.components == 1 else 3
    decoder = Decoder.JPEG if plain else Decoder.PYTHON
    return Header(height, width, channels, False, pages, one_size, decoder=decoder, ends=_has_end(file))


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes a picture, at 1/2, 1/4 or 1/8 of its size if that is still twice the wanted side."""
    content = _content(file)
    if page > 0:
        with pillow.opened(file, page, want.max_pixels) as other:
            require_few_scans(content, other.height, other.width, want.max_pixels)
        return pillow.read_page(file, page, want)
    height, width, components = kernels.jpeg_shape(content)
    require_pixels(width, height, want.max_pixels)
    require_few_scans(content, height, width, want.max_pixels)
    spare = 1 if want.side is None else min(height, width) // (2 * want.side)
    ratio = max(each for each in (1, 2, 4, 8) if each <= max(1, spare))
    if -(-height // ratio) * -(-width // ratio) * components > MAX_BYTES:
        most = MAX_BYTES // components
        raise DataError(f"{width}x{height} pixels are more than the {most} that are decoded of such a JPEG file")
    if components == INKS:
        content = content[:2] + ADOBE + content[2:]
    with alone_if_large(width // ratio, height // ratio):
        pixels = kernels.decode_jpeg(content, 1 if components == 1 else 3, ratio)
        turned = np.ascontiguousarray(upright(pixels, _read_frame(file).orientation))
        image = Image.fromarray(turned[..., 0] if components == 1 else turned)
        return pillow.decoded(image, want.channels)


def require_few_scans(content: bytes, height: int, width: int, max_pixels: int) -> None:
    """Checks that a file does not take minutes to decode.

    Raises:
        DataError: it has too many scans.
    """
    scans = content.count(SCAN)
    if scans >= MAX_SCANS or scans * width * height > MAX_PASSES * max_pixels:
        raise DataError(f"{scans} scans of {width}x{height} pixels are more than are decoded")


def _read_frame(file: BinaryIO) -> Frame:
    frame, has_exif = Frame(), False
    for marker, size in _segments(file):
        if marker in FRAMES and frame.height == 0:
            head = file.read(6).ljust(6, b"\0")  # bits of a sample, height, width, components
            height, width = int.from_bytes(head[1:3], "big"), int.from_bytes(head[3:5], "big")
            frame = frame._replace(height=height, width=width, components=head[5], progressive=marker == PROGRESSIVE)
        elif marker == APP1 and not has_exif and file.read(len(EXIF)) == EXIF:
            has_exif = True
            frame = frame._replace(orientation=exif.orientation(file.read(max(0, size - len(EXIF)))))
        elif marker == APP2 and file.read(len(SEVERAL)) == SEVERAL:
            frame = frame._replace(several=True)
    return frame


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yields marker and size of the segments up to the first scan, at whose content the file then is."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] != FILL or head[1] in ALONE:
            return
        if head[1] == FILL:
            at += 1
            continue
        size = int.from_bytes(head[2:], "big")
        yield head[1], size - 2
        at += 2 + size


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _has_end(file: BinaryIO) -> bool:
    """Whether the file ends as it should; cameras may add some bytes behind it."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
    return END in file.read()
