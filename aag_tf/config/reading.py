"""What of an image file is read, and in which range, size and shape."""

import dataclasses
import math
import re

from aag_tf.config.checks import listed
from aag_tf.config.setting import check_settings, setting

SMALLEST_SIDE, LARGEST_SIDE = 4, 1024  # of an image, in pixels
SIZE_FORM = f"SIDE or HEIGHTxWIDTH, each {SMALLEST_SIDE} to {LARGEST_SIDE}"

AUTO, PERCENTILE = "auto", "percentile"
RANGE_FORM = f"{AUTO}, {PERCENTILE} or LOW..HIGH"

FITS = ("crop", "pad", "stretch")
PAGES = ("first", "each")
LARGEST_CHANNELS = 64
MAX_PIXELS = 89_478_485  # above this number Pillow warns of decompression bombs
LARGEST_MAX_PIXELS = 2**28


def read_size(text: int | str) -> tuple[int, int]:
    """Reads `--image_size`, such as 64 or 64x320, as (height, width).

    Raises:
        ValueError: it is no size, or a side is out of range.
    """
    found = re.fullmatch(r"\s*(\d+)\s*(?:[x\u00d7]\s*(\d+)\s*)?", str(text), re.ASCII | re.IGNORECASE)
    if found is None:
        raise ValueError("is not a size")
    digits = found[1], found[2] or found[1]
    if not all(len(side) < 6 and SMALLEST_SIDE <= int(side) <= LARGEST_SIDE for side in digits):
        raise ValueError("is out of range")
    return int(digits[0]), int(digits[1])


def read_range(text: str) -> tuple[float, float] | None:
    """Reads `--value_range`, such as 0..4095 or -1000..3000; `None` for `auto` and `percentile`.

    Raises:
        ValueError: it is neither, or no value lies between its ends.
    """
    if text in (AUTO, PERCENTILE):
        return None
    low, dots, high = text.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if not dots or not all(map(math.isfinite, ends)):
        raise ValueError("is not a range")
    if ends[0] >= ends[1]:
        raise ValueError("has no values between its ends")
    return ends


def read_bands(text: str) -> tuple[int, int, int]:
    """Reads `--shown_bands`, three band numbers such as 4,3,2, the first band of an image being 1.

    Raises:
        ValueError: it is not three of them.
    """
    parts = listed(text)
    if len(parts) != 3 or not all(re.fullmatch(r"\d{1,4}", part, re.ASCII) for part in parts):
        raise ValueError("is not three bands")
    if not all(1 <= int(part) <= LARGEST_CHANNELS for part in parts):
        raise ValueError("is out of range")
    red, green, blue = map(int, parts)
    return red, green, blue


@dataclasses.dataclass(frozen=True)
class ReadingConfig:
    """Reading: what of an image file becomes the uint8 image that is trained on."""

    value_range: str = setting(
        AUTO,
        "Values of 16-bit, signed, 32-bit and floating-point images that become black and white, one range for the "
        "whole data set: LOW..HIGH, as 0..4095 of a 12-bit camera or -1000..1000 of a CT; auto, the lowest and highest "
        "value that a sample of the files has; or percentile, the 0.1th and 99.9th percentile of that sample, which a "
        "few hot pixels do not change. Values beyond are clipped. 8-bit images are read as they are.",
        form=RANGE_FORM,
        read=read_range,
    )
    channels: int | None = setting(
        None,
        "Channels (bands) of an image: 1 reads color as gray, 3 repeats gray as color, and of more bands the first are "
        "read. Default: as the files have.",
        low=1,
        high=LARGEST_CHANNELS,
    )
    shown_bands: str | None = setting(
        None,
        "Bands that pictures and reports show as red, green and blue where images have neither 1 nor 3 channels, such "
        "as 4,3,2; the first band is 1. Default: 1,2,3, or the first alone where there are two.",
        form=f"three bands such as 4,3,2, each 1 to {LARGEST_CHANNELS}",
        read=read_bands,
        resumable=True,
    )
    fit: str = setting(
        "crop",
        "How pictures of another shape come to the size of the views: crop (the largest centered part), pad (whole, "
        "with black beside it) or stretch (whole, distorted).",
        choices=FITS,
    )
    pages: str = setting(
        "first",
        "Of a file with several pages or frames (TIFF, GIF, WebP, PNG, MPO): the first, or each as an image of its own "
        "with the label of the file.",
        choices=PAGES,
    )
    max_pixels: int = setting(
        MAX_PIXELS,
        "Pixels of the largest picture that is decoded, a guard against files of a few bytes that unpack to gigabytes. "
        "Raise it for large scans that you trust; a picture takes up to 4 bytes a pixel and channel while it is read.",
        low=1,
        high=LARGEST_MAX_PIXELS,
    )

    def __post_init__(self) -> None:
        check_settings(self)
