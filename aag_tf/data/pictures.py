"""One image file to one uint8 array, with Pillow: orientation, transparency, 16-bit grayscale and size."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, ImageOps, TiffImagePlugin

from aag_tf.data.images import Shape
from aag_tf.data.regular_file import open_regular
from aag_tf.utils.errors import DataError

# Suffixes of formats that Pillow decodes by itself; no document formats, since those start other programs.
SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
# The same formats by Pillow's names: a suffix says nothing of what a file holds.
FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# A few bytes can claim to be billions of pixels. Pillow warns from here on (89 million); a data set is better off
# without.
MAX_PIXELS = 89_478_485
# Larger pictures are decoded one at a time: each may take a gigabyte meanwhile, and there may be many threads.
LARGE_PIXELS = 10_000_000
# A progressive JPEG may ask for a full pass over the picture with every few bytes. Encoders write ten scans.
MAX_PASSES = 16  # over a picture of the largest size; smaller ones may have more
MAX_SCANS = 256
# With the first byte of its header's length, for videos behind a photograph have the two by chance.
JPEG_SCAN = b"\xff\xda\0"
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
SIDEWAYS = (5, 6, 7, 8)  # the EXIF orientations that swap height and width
DEEPEST_GRAY = 65_535

Picture = str | BinaryIO  # a path, or an open file of encoded bytes

_one_large = threading.Lock()


class Header(NamedTuple):
    """What a file says of itself, before it is decoded."""

    height: int
    width: int
    gray: bool


def read_header(picture: Picture) -> Header:
    """Size (as it will be shown) and color of an image file, without decoding it.

    Raises:
        DataError: the picture has too many pixels.
        Exception: Pillow cannot read it, for whatever reason it gives.
    """
    with _open(picture) as image:
        # The plain method: that of PNG files would decode the picture to look for EXIF behind it.
        sideways = Image.Image.getexif(image).get(ExifTags.Base.Orientation) in SIDEWAYS
        width, height = image.size
        if isinstance(image, TiffImagePlugin.TiffImageFile):  # some versions of Pillow have turned its size already
            width, height = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
        if sideways:
            width, height = height, width
        return Header(height, width, image.mode in GRAY_MODES)


def decode(picture: Picture, shape: Shape) -> npt.NDArray[np.uint8]:
    """The picture in an image file, upright, over white, at the wanted size and number of channels.

    The largest centerd part of the wanted aspect is scaled (bilinear, antialiased): the shorter side decides.

    Args:
        picture: the file; of several frames the first counts.
        shape: wanted height, width and channels (1 or 3).

    Returns:
        uint8 [*shape].

    Raises:
        DataError: the picture has too many pixels or scans, or values whose range is unknown.
        Exception: Pillow cannot read it, for whatever reason it gives.
    """
    height, width, channels = shape
    with _open(picture) as image:
        _require_few_scans(image)
        # JPEG decodes at 1/2, 1/4 or 1/8 much faster. Twice the wanted size is kept for the antialiased resize.
        image.draft(None, (2 * max(height, width), 2 * max(height, width)))
        upright = _upright(image, channels)
    if upright.size != (width, height):
        upright = ImageOps.fit(upright, (width, height), method=Image.Resampling.BILINEAR)
    return np.asarray(upright, np.uint8).reshape(shape)


def thumbnail(picture: Picture, side: int) -> Image.Image:
    """The whole picture in an image file as RGB, upright, over white, scaled down to fit a square if it is larger.

    Raises:
        Exception: as `decode`.
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
    """Refuses a JPEG that would take minutes to decode.

    Raises:
        DataError: it would.
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
    """Decodes an opened file: turned as its EXIF says, in eight bits."""
    if image.width * image.height <= LARGE_PIXELS:
        return _as_eight_bits(ImageOps.exif_transpose(image), channels)
    with _one_large:
        return _as_eight_bits(ImageOps.exif_transpose(image), channels)


def _as_eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """Any mode of Pillow as "L" or "RGB"."""
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
    """16-bit gray as "L": Pillow's own conversion clips every value above 255 to white."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > DEEPEST_GRAY:
        raise DataError(f"gray values from {values.min()} to {values.max()} are not 16-bit")
    return Image.fromarray(np.round(values.astype(np.float32) / (DEEPEST_GRAY / 255)).astype(np.uint8))


def is_picture(name: str) -> bool:
    """Whether a file of this name is taken for an image: a known suffix, and not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
