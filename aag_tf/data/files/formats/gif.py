"""GIF: the first frame, rebuilt as a file of its own, is decoded by TensorFlow as in an export; others by Pillow."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from PIL import Image

from aag_tf.data.files.formats import kernels, pillow
from aag_tf.data.files.formats.decoded import Decoded, Header, Want, alone_if_large, on_canvas, require_pixels
from aag_tf.utils.errors import DataError

HEADER = 13  # bytes before the global palette
DESCRIPTOR = 10  # bytes of an image descriptor, with its introducer
EXTENSION, IMAGE = 0x21, 0x2C
CONTROL = 0xF9  # the extension that names a transparent index
MAX_BLOCKS = 2**18  # of at most 255 bytes, in a file up to the end of its first frame
# A frame of one pixel behind the first. For a frame whose data end early the decoder returns uninitialized memory, not
# an error; but it stops there, so that this frame is then missing.
GUARD = b"\x2c\0\0\0\0\1\0\1\0\x80\0\0\0\0\0\0\2\2\x44\1\0"
WHITE = b"\xff\xff\xff"


class First(NamedTuple):
    """The first frame.

    Args:
        left, top, width, height: its place on the canvas.
        canvas: height and width of the canvas.
        palette: its colors; transparent ones are white.
        background: the color around it.
        single: a file of it alone.
    """

    left: int
    top: int
    width: int
    height: int
    canvas: tuple[int, int]
    palette: bytes
    background: bytes
    single: bytes

    @property
    def is_gray(self) -> bool:
        """Whether its numbers are levels of gray."""
        return self.palette == bytes(level for level in range(len(self.palette) // 3) for _ in range(3))


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size and number of frames."""
    first = _read_first(file, max_pixels)
    pages, one_size = pillow.count_pages(file)
    return Header(*first.canvas, 1 if first.is_gray else 3, False, pages, one_size)


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes a frame on its canvas, transparent pixels white."""
    if page > 0:
        return pillow.read_page(file, page, want)
    first = _read_first(file, want.max_pixels)
    with alone_if_large(*first.canvas):
        frames = kernels.decode_gif(first.single)
        if len(frames) != 2:
            raise DataError("a GIF file whose first frame is damaged")
        picture = on_canvas(frames[0], first.canvas, first.left, first.top, first.background)
        gray = want.channels == 1 or (want.channels is None and first.is_gray)
        return pillow.decoded(Image.fromarray(picture), 1 if gray else 3)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order; yields the error in place of one that is broken."""
    yield from pillow.read_after_first(read_page, file, pages, want)


def _read_first(file: BinaryIO, max_pixels: int) -> First:
    file.seek(0)
    try:
        first = _first(file.read())
    except IndexError as error:
        raise DataError("a GIF file that is truncated") from error
    require_pixels(first.canvas[1], first.canvas[0], max_pixels)
    require_pixels(first.width, first.height, max_pixels)
    return first


def _first(data: bytes) -> First:
    """Finds the first frame; raises `IndexError` at the end of the data."""
    at, transparent, blocks = HEADER + _palette_size(data[10]), -1, MAX_BLOCKS
    while data[at] == EXTENSION and blocks > 0:
        if data[at + 1] == CONTROL and data[at + 2] == 4:
            transparent = data[at + 6] if data[at + 3] & 1 else -1
        at, blocks = _skip_blocks(data, at + 2, blocks)
    if data[at] != IMAGE:
        raise DataError("a GIF file without a frame")
    behind = at + DESCRIPTOR + _palette_size(data[at + 9])
    end, _ = _skip_blocks(data, behind + 1, blocks)
    left, top, width, height = (
        int.from_bytes(data[at + 1 + 2 * field : at + 3 + 2 * field], "little") for field in range(4)
    )
    canvas = (
        max(int.from_bytes(data[8:10], "little"), top + height),
        max(int.from_bytes(data[6:8], "little"), left + width),
    )
    shared = data[HEADER : HEADER + _palette_size(data[10])]
    own = data[at + DESCRIPTOR : behind]
    palette = own or shared
    if len(palette) < 3:
        raise DataError("a GIF file without colors")
    background = palette[:3]
    if 0 <= transparent < len(palette) // 3:
        # The decoder would show the transparent color black.
        palette = palette[: 3 * transparent] + WHITE + palette[3 * transparent + 3 :]
        background = WHITE
    shared, own = (shared, palette) if own else (palette, own)
    single = [data[:6], data[at + 5 : at + 9], data[10:HEADER], shared, b"\x2c\0\0\0\0", data[at + 5 : at + 10], own]
    return First(
        left, top, width, height, canvas, palette, background, b"".join([*single, data[behind:end], GUARD, b";"])
    )


def _palette_size(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: bytes, at: int, left: int) -> tuple[int, int]:
    """Returns the offset behind a chain of sub-blocks, and how many more blocks the file may have."""
    while data[at] > 0 and left > 0:
        at, left = at + 1 + data[at], left - 1
    if data[at] > 0:
        raise DataError("a GIF file of more blocks than are read")
    return at + 1, left - 1
