"""NumPy arrays as pictures: `.npy`, and `.npz` with one array; nothing is unpickled.

[h, w] is gray, [h, w, c] or [c, h, w] has bands (whichever of first and last axis is shorter), [n, h, w, c] pages.
"""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.config.reading import LARGEST_CHANNELS
from aag_tf.data.files.formats import sniffing
from aag_tf.data.files.formats.decoded import Decoded, Header, Want, require_few_pages, require_pixels
from aag_tf.utils.errors import DataError

LARGEST_HEADER = 10_000  # characters


class _Layout(NamedTuple):
    """Shape [pages, ...] of an array, and where height, width and bands are."""

    pages: int
    height: int
    width: int
    channels: int
    channels_first: bool = False


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads shape and dtype from the header of the array."""
    with _opened(file) as (content, _):
        shape, _, dtype = _array_header(content)
    layout = _layout(shape, max_pixels)
    _require_numbers(dtype)
    deep = dtype not in (np.uint8, np.bool_)
    note = (
        "read as [bands, height, width], since the first axis is shorter than the last" if layout.channels_first else ""
    )
    return Header(layout.height, layout.width, layout.channels, deep, layout.pages, note=note)


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Reads one picture of an array."""
    with _opened(file) as (content, size):
        shape, fortran, dtype = _array_header(content)
        layout = _layout(shape, want.max_pixels)
        _require_numbers(dtype)
        if page >= layout.pages:
            raise DataError("the page is missing or broken")
        count = math.prod(shape)
        if content.tell() + count * dtype.itemsize > size:
            raise DataError("an array that is truncated")
        each = count // layout.pages
        if fortran and layout.pages > 1:
            raise DataError("pages in Fortran order; save numpy.ascontiguousarray(...) of them")
        content.seek(page * each * dtype.itemsize, 1)
        data = content.read(each * dtype.itemsize)
    if len(data) < each * dtype.itemsize:
        raise DataError("an array that is truncated")
    pixels = np.frombuffer(data, dtype).reshape(shape[-3:] if len(shape) > 2 else shape, order="F" if fortran else "C")
    bands = _bands_last(pixels, layout)
    if bands.dtype == np.uint8 and layout.channels in (1, 3):
        return Decoded(Image.fromarray(np.ascontiguousarray(bands.squeeze(2) if layout.channels == 1 else bands)))
    return Decoded(bands)


def _bands_last(pixels: npt.NDArray[Any], layout: _Layout) -> npt.NDArray[Any]:
    if layout.channels_first:
        pixels = np.moveaxis(pixels, 0, 2)
    pixels = pixels.reshape(layout.height, layout.width, layout.channels)
    return pixels * np.uint8(255) if pixels.dtype == np.bool_ else pixels


def _layout(shape: tuple[int, ...], max_pixels: int) -> _Layout:
    match shape:
        case (height, width):
            layout = _Layout(1, height, width, 1)
        case (height, width, channels) if channels <= min(height, LARGEST_CHANNELS):
            layout = _Layout(1, height, width, channels)
        case (channels, height, width) if channels <= LARGEST_CHANNELS:
            layout = _Layout(1, height, width, channels, channels_first=True)
        case (pages, height, width, channels) if channels <= LARGEST_CHANNELS:
            layout = _Layout(pages, height, width, channels)
        case _:
            raise DataError(f"an array of shape {list(shape)}, which is no picture [height, width, bands]")
    require_pixels(layout.width, layout.height, max_pixels, layout.channels)
    if layout.pages < 1:
        raise DataError("an array without pictures")
    require_few_pages(layout.pages)
    return layout


def _require_numbers(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise DataError(f"an array of {dtype}; save real numbers of up to 64 bits")


def _array_header(content: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(content)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(content, LARGEST_HEADER)
    except Exception as error:  # NumPy raises many classes for broken headers
        raise DataError("an array whose header is damaged") from error
    return shape, fortran, dtype


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[BinaryIO, int]]:
    """Yields the bytes of the array and their number."""
    file.seek(0)
    name = sniffing.require_known(file.read(sniffing.HEAD))
    size = file.seek(0, 2)
    file.seek(0)
    if name == sniffing.NPY:
        yield file, size
        return
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) != 1 or not entries[0].filename.endswith(".npy"):
                raise DataError(
                    "a ZIP archive that is not one NumPy array; --dataset=npz: reads several images, unpack others"
                )
            with archive.open(entries[0]) as content:
                yield cast(BinaryIO, content), entries[0].file_size
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError("a ZIP archive that is damaged or encrypted") from error
