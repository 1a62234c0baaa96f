"""Formats that Pillow decodes itself; none that starts other programs."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from aag_tf.data.formats import sniffing
from aag_tf.data.formats.decoded import Decoded, Header, Want, alone_if_large, require_few_pages, require_pixels
from aag_tf.utils.errors import DataError

NAMES = {
    sniffing.JPEG: "JPEG",
    sniffing.PNG: "PNG",
    sniffing.GIF: "GIF",
    sniffing.WEBP: "WEBP",
    sniffing.BMP: "BMP",
    sniffing.PNM: "PPM",
    sniffing.AVIF: "AVIF",
    sniffing.JPEG_2000: "JPEG2000",
    sniffing.TIFF: "TIFF",
}
# A few bytes of a progressive JPEG can demand a full pass over the picture. Encoders write about ten scans.
MAX_PASSES = 16  # over a picture of the most pixels; smaller ones may have more
MAX_SCANS = 256
# Marker and first length byte of a scan: the marker alone also occurs by chance, as in a video after a photograph.
JPEG_SCAN = b"\xff\xda\0"
TAIL = 1024  # bytes at the end of a file in which its end is looked for
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
SIDEWAYS = (5, 6, 7, 8)  # the EXIF orientations that swap height and width


def is_deep(mode: str) -> bool:
    """Whether a mode of Pillow has more than 8 bits."""
    return mode.startswith(("I", "F"))


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size (after EXIF rotation), color and number of frames."""
    with opened(file, 0, max_pixels) as image:
        # The method of the base class: that of PNG files would decode the picture to find EXIF after it.
        turned = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        width, height = image.size
        if turned in SIDEWAYS:
            width, height = height, width
        channels = 1 if image.mode in GRAY_MODES else 3
        deep = is_deep(image.mode)
        pages, one_size = _frames(image)
        plain = image.format == "JPEG" and image.mode in ("L", "RGB") and turned in (None, 1)
        if plain and "progressive" in image.info:
            _require_few_scans(image, max_pixels)
        ends = _has_end(file, image.format)
        return Header(height, width, channels, deep, pages, one_size, plain_jpeg=plain, ends=ends)


def _has_end(file: BinaryIO, kind: str | None) -> bool:
    """Whether a JPEG or PNG file ends as it should; cameras may add some bytes behind it."""
    end = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(kind or "")
    if end is None:
        return True
    position = file.tell()
    file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
    found = end in file.read()
    file.seek(position)
    return found


def _frames(image: ImageFile.ImageFile) -> tuple[int, bool]:
    """Returns the number of frames, and whether all are of one size."""
    try:
        pages = max(1, getattr(image, "n_frames", 1))
        require_few_pages(pages)
        sizes = {image.size}
        for page in range(1, pages if image.format == "MPO" else 1):
            image.seek(page)
            sizes.add(image.size)
    except DataError:
        raise
    except Exception:  # what is broken behind the first frame does not cost that
        return 1, True
    return pages, len(sizes) == 1


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes one frame, upright and over white."""
    with opened(file, page, want.max_pixels) as image:
        _require_few_scans(image, want.max_pixels)
        if want.side is not None:
            # JPEG decodes at 1/2, 1/4 or 1/8. Twice the wanted size is kept for the antialiased resize.
            image.draft(None, (2 * want.side, 2 * want.side))
        with alone_if_large(*image.size):
            return decoded(ImageOps.exif_transpose(image), want.channels)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order; yields the error in place of one that is broken."""
    with opened(file, 0, want.max_pixels) as image:
        for page in pages:
            try:
                _seek(image, page, want.max_pixels)
                _require_few_scans(image, want.max_pixels)
                with alone_if_large(*image.size):
                    frame = decoded(ImageOps.exif_transpose(image), want.channels)
            except Exception as error:  # decoders raise many classes
                yield error
            else:
                yield frame


def decoded(image: Image.Image, channels: int | None) -> Decoded:
    """Converts an upright picture of any mode to "L", "RGB" or deep numbers, or to the bands that are wanted."""
    if is_deep(image.mode):
        return Decoded(np.asarray(image)[..., np.newaxis])
    if (image.mode, channels) in (("RGBA", 4), ("LA", 2)):
        return Decoded(np.asarray(image))
    transparent = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    if transparent:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    gray = image.mode in GRAY_MODES if channels is None else channels == 1
    return Decoded(image.convert("L" if gray else "RGB"))


@contextlib.contextmanager
def opened(file: BinaryIO, page: int, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    """Opens a file of the format that its first bytes say, at a frame.

    Raises:
        DataError: it has too many pixels, or no such frame.
        Exception: any error of Pillow, if it cannot read the file.
    """
    file.seek(0)
    name = NAMES[sniffing.require_known(file.read(sniffing.HEAD))]
    file.seek(0)
    with Image.open(file, formats=(name,)) as image:
        require_pixels(*image.size, max_pixels)
        _seek(image, page, max_pixels)
        yield image


def _seek(image: ImageFile.ImageFile, page: int, max_pixels: int) -> None:
    if page == 0:
        return
    try:
        image.seek(page)
    except EOFError as error:
        raise DataError("the page is missing or broken") from error
    require_pixels(*image.size, max_pixels)


def _require_few_scans(image: ImageFile.ImageFile, max_pixels: int) -> None:
    """Checks that a JPEG does not take minutes to decode.

    Raises:
        DataError: it has too many scans.
    """
    file = image.fp
    if image.format not in ("JPEG", "MPO") or file is None:
        return
    position = file.tell()
    file.seek(0)
    scans = file.read().count(JPEG_SCAN)
    file.seek(position)
    if scans >= MAX_SCANS or scans * image.width * image.height > MAX_PASSES * max_pixels:
        raise DataError(f"{scans} scans of {image.width}x{image.height} pixels are more than are decoded")
