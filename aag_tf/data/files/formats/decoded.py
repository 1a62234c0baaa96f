"""What every format gives: a header, and the decoded pixels of a page; and the limits that hold for all."""

import contextlib
import dataclasses
import enum
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.utils.errors import DataError

MAX_PAGES = 10_000
# Larger pictures are decoded one at a time: each may take a gigabyte, and there may be many threads.
LARGE_PIXELS = 10_000_000
BANDS_OF_A_PIXEL = 4  # a pixel of more bands counts as several
SIDEWAYS = (5, 6, 7, 8)  # the orientations that swap height and width


_one_large = threading.Lock()


class Decoder(enum.IntEnum):
    """Kinds of upright files of one picture that a graph decodes by itself; packs hold these numbers.

    All others are decoded by Python.
    """

    PYTHON = 0
    JPEG = 1
    PNG = 2
    TRANSPARENT_PNG = 3
    DEEP_PNG = 4
    BMP = 5


class Header(NamedTuple):
    """What a picture is, from the header of its file.

    Args:
        height, width: of its first page, upright.
        channels: 1 for gray, 3 for color, else the number of bands.
        deep: whether its values have more than 8 bits, a sign or fractions.
        pages: images in the file.
        one_size: whether all pages are of one size.
        note: what was guessed about the file, in words that follow a number of files; empty for nothing.
        decoder: the one of TensorFlow that gives the same picture in a graph, without Python.
        ends: whether the end of the file is where its format has it; if not, it may be truncated.
    """

    height: int
    width: int
    channels: int
    deep: bool = False
    pages: int = 1
    one_size: bool = True
    note: str = ""
    decoder: int = 0
    ends: bool = True


class Want(NamedTuple):
    """What is wanted of a page.

    Args:
        channels: number of channels; `None` as the file has.
        side: a picture with both sides twice this is large enough, which JPEG decodes much faster; `None` for all.
        max_pixels: larger pictures are refused.
    """

    channels: int | None
    side: int | None
    max_pixels: int


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels of a page, upright.

    Args:
        pixels: "L" or "RGB" of Pillow with transparency already over white, or any real numbers [h, w, c].
        opacity: float32 [h, w], 0 to 1; `None` for an opaque picture.
        inverted: whether the lowest value is white.
        window: lowest and highest value that the file asks to be shown; `None` for all.
        note: what was found odd, in words that follow a number of files; empty for nothing.
    """

    pixels: Image.Image | npt.NDArray[Any]
    opacity: npt.NDArray[np.float32] | None = None
    inverted: bool = False
    window: tuple[float, float] | None = None
    note: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        if isinstance(self.pixels, Image.Image):
            return self.pixels.height, self.pixels.width
        height, width = self.pixels.shape[:2]
        return height, width


class Format(Protocol):
    """A module that reads one or several formats."""

    def read_header(self, file: BinaryIO, max_pixels: int) -> Header:
        """Reads size, channels and number of pages without decoding."""
        ...

    def read_page(self, file: BinaryIO, page: int, want: Want) -> Decoded:
        """Decodes the page of this number, from 0 on."""
        ...


class InOnePass(Format, Protocol):
    """A module whose formats build a frame on those before it, so that one pass reads many in the time of the last."""

    def read_pages(self, file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator["Decoded | Exception"]:
        """Decodes pages in ascending order; yields the error in place of one that is broken."""
        ...


def require_pixels(width: int, height: int, max_pixels: int, bands: int = 1) -> None:
    """Checks that a picture is not too large to be decoded.

    Raises:
        DataError: it is, or it has no pixels.
    """
    if min(width, height, bands) < 1:
        raise DataError(f"a picture of {width}x{height} pixels has none")
    counted = width * height * math.ceil(bands / BANDS_OF_A_PIXEL)
    if counted > max_pixels:
        of = f" of {bands} bands" if counted > width * height else ""
        raise DataError(f"{width}x{height} pixels{of} are more than the {max_pixels} that are decoded (--max_pixels)")


@contextlib.contextmanager
def alone_if_large(width: int, height: int, bands: int = 1) -> Iterator[None]:
    """Lets one thread at a time decode a large picture."""
    large = width * height * math.ceil(bands / BANDS_OF_A_PIXEL) > LARGE_PIXELS
    with _one_large if large else contextlib.nullcontext():
        yield


def require_few_pages(pages: int) -> None:
    """Checks that a file has not more pages than are read.

    Raises:
        DataError: it has.
    """
    if pages > MAX_PAGES:
        raise DataError(f"more than the {MAX_PAGES} pages that are read of one file")


def on_canvas(
    frame: npt.NDArray[np.uint8], canvas: tuple[int, int], left: int, top: int, around: bytes
) -> npt.NDArray[np.uint8]:
    """Puts the frame of an animation in its place.

    Args:
        frame: uint8 [h, w, channels].
        canvas: height and width.
        left, top: the place.
        around: the color of the rest, a byte a channel.

    Returns:
        uint8 [*canvas, channels]; the frame itself where it covers the canvas.
    """
    height, width = frame.shape[:2]
    if (height, width) == canvas:
        return frame
    whole = np.empty((*canvas, len(around)), np.uint8)
    whole[:] = np.frombuffer(around, np.uint8)
    whole[top : top + height, left : left + width] = frame
    return whole


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turns and mirrors an array [h, w, ...] as an EXIF or TIFF orientation, 1 to 8, says."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
