"""TIFF: what Pillow reads faithfully is read by it, the rest (16-bit color, many bands) by tifffile, an extra.

A fourth band is transparency only where the file says so (ExtraSamples 1 or 2) and some pixel is opaque. Thumbnails and
masks are no pages.
"""

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from aag_tf.config.reading import LARGEST_CHANNELS
from aag_tf.data.files.formats import pillow
from aag_tf.data.files.formats import tiff_directory as tiff
from aag_tf.data.files.formats.decoded import SIDEWAYS, Decoded, Header, Want, alone_if_large, require_pixels, upright
from aag_tf.data.files.formats.extras import require_extra
from aag_tf.data.files.formats.tiff_directory import Directory, channels_of_stack, read_directories
from aag_tf.utils.errors import DataError

WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
COMPLEX = (5, 6)
UNCOMPRESSED, OLD_JPEG, IN_PLANES = 1, 6, 2
# Fax, LZW, JPEG, deflate, PackBits, LZMA and Zstandard.
READ_BY_PILLOW = (UNCOMPRESSED, 2, 3, 4, 5, OLD_JPEG, 7, 8, 32_773, 32_946, 34_925, 50_000)
ASSOCIATED, UNASSOCIATED = 1, 2
OPAQUE = 250  # of 255: a band without any such pixel is no transparency, since nobody would see the picture
COLORS = {WHITE_IS_0: 1, BLACK_IS_0: 1, RGB: 3}
# Photometric interpretation and samples of 8-bit pictures that Pillow reads as they are.
PLAIN = {(WHITE_IS_0, 1), (BLACK_IS_0, 1), (RGB, 3), (PALETTE, 1), (CMYK, 4), (YCBCR, 3), (LAB, 3)}
# Bits and sample format of deep gray that Pillow reads as it is.
DEEP_GRAY = {(12, UNSIGNED), (16, UNSIGNED), (16, SIGNED), (32, SIGNED), (32, FLOAT)}
STACK_NOTE = "with a description that makes their pages channels of one picture"
ALPHA_NOTE = "with a band that is marked as transparency but nowhere opaque, which is left out"


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size, bands and number of pages."""
    pages = _pages(file)
    first = pages[0]
    _require_sizes(pages[:1], max_pixels)
    _require_known(first)
    width, height = first.size
    if first.one(tiff.ORIENTATION, 1) in SIDEWAYS:
        width, height = height, width
    deep = first.bits not in (1, 2, 4, 8) or _format(first) != UNSIGNED
    if stack := channels_of_stack(pages):
        _require_bands(stack)
        return Header(height, width, stack, deep, note=STACK_NOTE)
    one_size = len({page.size for page in pages}) == 1
    channels = _channels(first)
    _require_bands(channels)
    return Header(height, width, channels, deep, len(pages), one_size)


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes one page, or the pages that are channels."""
    pages = _pages(file)
    if channels_of_stack(pages):
        _require_sizes(pages, want.max_pixels, len(pages))
        planes = [_read(file, directory, want._replace(channels=None)) for directory in pages]
        bands = [np.asarray(plane.pixels).reshape(*_upright_size(pages[0]), 1) for plane in planes]
        return Decoded(np.concatenate(bands, axis=2), inverted=planes[0].inverted)
    if page >= len(pages):
        raise DataError("the page is missing or broken")
    _require_sizes(pages[page : page + 1], want.max_pixels)
    return _read(file, pages[page], want)


def _read(file: BinaryIO, page: Directory, want: Want) -> Decoded:
    _require_known(page)
    old_jpeg = page.one(tiff.COMPRESSION, UNCOMPRESSED) == OLD_JPEG  # gives its place by tags of its own
    if page.present < page.segments and not old_jpeg:  # the decoders would show black in place of the others
        raise DataError(f"a TIFF that is truncated: it has {page.present} of {page.segments} strips or tiles")
    if not _is_for_pillow(page):
        return _by_tifffile(file, page, want)
    with pillow.opened(file, page.number, want.max_pixels) as image, alone_if_large(*image.size):
        turned = ImageOps.exif_transpose(image)
    if page.samples in (2, 4) and page.one(tiff.PHOTOMETRIC, BLACK_IS_0) in COLORS:
        return _with_fourth_band(np.asarray(turned), page, want, premultiplied=False)
    if pillow.is_deep(turned.mode):
        values = _without_nodata(np.asarray(turned)[..., np.newaxis], page)
        return Decoded(values, inverted=page.one(tiff.PHOTOMETRIC, BLACK_IS_0) == WHITE_IS_0)
    return pillow.decoded(turned, want.channels)


def _is_for_pillow(page: Directory) -> bool:
    if page.one(tiff.COMPRESSION, UNCOMPRESSED) not in READ_BY_PILLOW or tiff.PHOTOMETRIC not in page.numbers:
        return False  # without its interpretation, Pillow would take gray for inverted
    if page.one(tiff.PHOTOMETRIC, BLACK_IS_0) in (YCBCR, LAB) and page.one(tiff.PLANAR, 1) == IN_PLANES:
        return False
    kind = page.one(tiff.PHOTOMETRIC, BLACK_IS_0), page.samples
    if page.bits in (1, 2, 4, 8) and _format(page) == UNSIGNED:
        transparent = (kind, page.extra) in (
            ((RGB, 4), ()),
            ((RGB, 4), (UNASSOCIATED,)),
            ((BLACK_IS_0, 2), (UNASSOCIATED,)),
        )
        return (kind in PLAIN and not page.extra) or transparent
    return kind in ((WHITE_IS_0, 1), (BLACK_IS_0, 1)) and (page.bits, _format(page)) in DEEP_GRAY


def _by_tifffile(file: BinaryIO, page: Directory, want: Want) -> Decoded:
    tifffile = require_extra("tifffile", "tiff", _described(page))
    if page.one(tiff.PHOTOMETRIC, BLACK_IS_0) not in COLORS:
        raise DataError(f"{_described(page)} in colors that are not read; export it as RGB")
    if page.one(tiff.COMPRESSION, UNCOMPRESSED) != UNCOMPRESSED:
        # tifffile itself would unpack what a few bytes claim to be, without a limit.
        require_extra("imagecodecs", "tiff", f"{_described(page)}, compressed,")
    file.seek(0)
    try:
        with tifffile.TiffFile(file, name="picture") as opened, alone_if_large(*page.size, page.samples):
            found = opened.pages[page.number]
            pixels, axes = np.asarray(found.asarray(maxworkers=1)), found.axes
            if axes == "SYX":
                pixels = np.moveaxis(pixels, 0, 2)
            pixels = pixels.reshape(*page.size[::-1], page.samples)
    except Exception as error:  # tifffile and its codecs raise many classes
        text = " ".join(str(error).split())
        raise DataError(f"a TIFF that is damaged ({text[:100] or type(error).__name__})") from error
    pixels = upright(_without_nodata(pixels, page), page.one(tiff.ORIENTATION, 1))
    if _marked_transparent(page):
        return _with_fourth_band(pixels, page, want, premultiplied=page.extra[0] == ASSOCIATED)
    return Decoded(pixels, inverted=page.one(tiff.PHOTOMETRIC, BLACK_IS_0) == WHITE_IS_0)


def _with_fourth_band(pixels: npt.NDArray[Any], page: Directory, want: Want, *, premultiplied: bool) -> Decoded:
    """The last band as transparency if it can be that, else as a band or left out."""
    if not _marked_transparent(page) or want.channels == page.samples:
        return Decoded(pixels)
    colors, band = pixels[..., :-1], pixels[..., -1]
    inverted = page.one(tiff.PHOTOMETRIC, BLACK_IS_0) == WHITE_IS_0
    largest = 1.0 if band.dtype.kind == "f" else float(np.iinfo(band.dtype).max)
    opacity = np.clip(band / largest, 0, 1).astype(np.float32)
    if not np.any(opacity >= OPAQUE / 255):
        return Decoded(colors, inverted=inverted, note=ALPHA_NOTE)
    if premultiplied:
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = np.where(opacity[..., np.newaxis] > 0, colors / opacity[..., np.newaxis], 0)
        colors = np.clip(plain, 0, largest).astype(np.float32) if colors.dtype != np.uint8 else _rounded(plain)
    if colors.dtype != np.uint8:
        return Decoded(colors, opacity, inverted)
    colors = 255 - colors if inverted else colors
    mode = "LA" if colors.shape[2] == 1 else "RGBA"
    alpha = np.round(255 * opacity).astype(np.uint8)
    shown = Image.fromarray(np.ascontiguousarray(np.dstack([colors, alpha])))
    assert shown.mode == mode
    return pillow.decoded(shown, want.channels)


def _rounded(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _without_nodata(pixels: npt.NDArray[Any], page: Directory) -> npt.NDArray[Any]:
    """Deep pixels that GDAL marks as without data become NaN."""
    nodata = page.nodata
    if nodata is None or np.isnan(nodata) or pixels.dtype == np.uint8:
        return pixels
    missing = pixels == np.asarray(nodata).astype(np.float64)
    return np.where(missing, np.nan, pixels) if missing.any() else pixels


def _pages(file: BinaryIO) -> list[Directory]:
    found = read_directories(file)
    return [page for page in found if page.is_picture] or found[:1]


def _marked_transparent(page: Directory) -> bool:
    colors = COLORS.get(page.one(tiff.PHOTOMETRIC, BLACK_IS_0))
    return page.samples - 1 == colors and page.extra[:1] in ((ASSOCIATED,), (UNASSOCIATED,))


def _channels(page: Directory) -> int:
    photometric = page.one(tiff.PHOTOMETRIC, BLACK_IS_0)
    if photometric not in COLORS:
        return 3
    return page.samples - 1 if _marked_transparent(page) else page.samples


def _format(page: Directory) -> int:
    return page.one(tiff.SAMPLE_FORMAT, UNSIGNED)


def _upright_size(page: Directory) -> tuple[int, int]:
    width, height = page.size
    return (width, height) if page.one(tiff.ORIENTATION, 1) in SIDEWAYS else (height, width)


def _described(page: Directory) -> str:
    kind = {SIGNED: "signed ", FLOAT: "floating-point "}.get(_format(page), "")
    bands = "band" if page.samples == 1 else "bands"
    return f"a TIFF of {page.samples} {kind}{page.bits}-bit {bands}" if page.bits else "a TIFF of unequal bands"


def _require_known(page: Directory) -> None:
    """Checks that pages are of one kind of real numbers, in one plane of space."""
    formats = page.numbers.get(tiff.SAMPLE_FORMAT, (UNSIGNED,))
    if page.bits == 0 or len(set(formats)) > 1:
        raise DataError("a TIFF of bands that differ in their numbers, which is not read; save all of one type")
    if _format(page) in COMPLEX:
        raise DataError("a TIFF of complex numbers, which is not read; save real and imaginary part as two bands")
    if page.one(tiff.DEPTH, 1) > 1:
        raise DataError("a TIFF of a volume in one page, which is not read; save each slice as a page")


def _require_sizes(pages: list[Directory], max_pixels: int, bands: int = 1) -> None:
    for page in pages:
        require_pixels(*page.size, max_pixels, bands=max(bands, page.samples))
        tile = page.one(tiff.TILE_WIDTH, 1), page.one(tiff.TILE_HEIGHT, 1)
        require_pixels(*tile, max_pixels, bands=page.samples)


def _require_bands(bands: int) -> None:
    if not 1 <= bands <= LARGEST_CHANNELS:
        raise DataError(f"a TIFF of {bands} bands; up to {LARGEST_CHANNELS} are read")
