"""Decodes one image file to one uint8 array with Pillow: orientation, transparency, 16-bit grayscale and size."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, ImageOps, TiffImagePlugin

from aag_tf.data.regular_file import open_regular
from aag_tf.data.shapes import Shape
from aag_tf.utils.errors import DataError

# Suffixes of formats that Pillow decodes itself; no document formats, because these start other programs.
SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
# The same formats by Pillow's names, because a suffix does not prove what a file holds.
FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# A file of a few bytes can claim billions of pixels. Pillow warns above this number; here such a file is refused.
MAX_PIXELS = 89_478_485
# Larger pictures are decoded one at a time: each may take a gigabyte, and there may be many threads.
LARGE_PIXELS = 10_000_000
# A few bytes of a progressive JPEG can demand a full pass over the picture. Encoders write about ten scans.
MAX_PASSES = 16  # over a picture of MAX_PIXELS; smaller ones may have more
MAX_SCANS = 256
# Marker and first length byte of a scan: the marker alone also occurs by chance, as in a video after a photograph.
JPEG_SCAN = b"\xff\xda\0"
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
SIDEWAYS = (5, 6, 7, 8)  # the EXIF orientations that swap height and width
DEEPEST_GRAY = 65_535

Picture = str | BinaryIO  # a path, or an open file of encoded bytes

_one_large = threading.Lock()


class Header(NamedTuple):
    """Size and color of a picture, from the header of its file."""

    height: int
    width: int
    gray: bool


def read_header(picture: Picture) -> Header:
    """Reads size (after EXIF rotation) and color of an image file without decoding it.

    Raises:
        DataError: the picture has too many pixels.
        Exception: any error of Pillow, if it cannot read the file.
    """
    with _open(picture) as image:
        # The method of the base class: that of PNG files would decode the picture to find EXIF after it.
        sideways = Image.Image.getexif(image).get(ExifTags.Base.Orientation) in SIDEWAYS
        width, height = image.size
        if isinstance(image, TiffImagePlugin.TiffImageFile):  # some versions of Pillow have already swapped its size
            width, height = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
        if sideways:
            width, height = height, width
        return Header(height, width, image.mode in GRAY_MODES)


def decode(picture: Picture, shape: Shape) -> npt.NDArray[np.uint8]:
    """Decodes an image file, upright and over white, at the wanted size and number of channels.

    The largest centered rectangle of the wanted aspect is scaled (bilinear, antialiased).

    Args:
        picture: the file; only its first frame is used.
        shape: wanted height, width and channels (1 or 3).

    Returns:
        uint8 [*shape].

    Raises:
        DataError: the picture has too many pixels or scans, or values whose range is unknown.
        Exception: any error of Pillow, if it cannot read the file.
    """
    height, width, channels = shape
    with _open(picture) as image:
        _require_few_scans(image)
        # JPEG decodes much faster at 1/2, 1/4 or 1/8. Twice the wanted size is kept for the antialiased resize.
        image.draft(None, (2 * max(height, width), 2 * max(height, width)))
        upright = _upright(image, channels)
    if upright.size != (width, height):
        upright = ImageOps.fit(upright, (width, height), method=Image.Resampling.BILINEAR)
    return np.asarray(upright, np.uint8).reshape(shape)


def thumbnail(picture: Picture, side: int) -> Image.Image:
    """Decodes the whole picture as RGB, upright and over white, scaled down to fit a square of `side` pixels.

    Raises:
        Exception: as for `decode`.
    """
    with _open(picture) as image:
        _require_few_scans(image)
        image.draft(None, (2 * side, 2 * side))
        upright = _upright(image, 3)
    upright.thumbnail((side, side))
    return upright


@contextlib.contextmanager
def _open(picture: Picture) -> Iterator[ImageFile.ImageFile]:
    opened = open_regular(picture) if isinstance(picture, str) else contextlib.nullcontext(picture)
    with opened as file, Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(f"{image.width}x{image.height} pixels are more than the {MAX_PIXELS} that are decoded")
        yield image


def _require_few_scans(image: ImageFile.ImageFile) -> None:
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
    if scans >= MAX_SCANS or scans * image.width * image.height > MAX_PASSES * MAX_PIXELS:
        raise DataError(f"{scans} scans of {image.width}x{image.height} pixels are more than are decoded")


def _upright(image: Image.Image, channels: int) -> Image.Image:
    """Decodes an opened file to eight bits, rotated as its EXIF says."""
    if image.width * image.height <= LARGE_PIXELS:
        return _as_eight_bits(ImageOps.exif_transpose(image), channels)
    with _one_large:
        return _as_eight_bits(ImageOps.exif_transpose(image), channels)


def _as_eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """Converts any mode of Pillow to "L" or "RGB"."""
    wanted = "L" if channels == 1 else "RGB"
    if image.mode == "F":
        raise DataError("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        return _from_deep_gray(image).convert(wanted)
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    return image.convert(wanted)


def _from_deep_gray(image: Image.Image) -> Image.Image:
    """Scales 16-bit gray to "L"; Pillow's own conversion would clip every value above 255 to white."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > DEEPEST_GRAY:
        raise DataError(f"gray values from {values.min()} to {values.max()} are not 16-bit")
    return Image.fromarray(np.round(values.astype(np.float32) / (DEEPEST_GRAY / 255)).astype(np.uint8))


def is_picture(name: str) -> bool:
    """Whether a file name has a known image suffix and is not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
