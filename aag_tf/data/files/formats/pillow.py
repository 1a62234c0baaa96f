"""Formats that Pillow decodes itself; none that starts other programs."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from aag_tf.config.reading import LARGEST_MAX_PIXELS
from aag_tf.data.files.formats import sniffing
from aag_tf.data.files.formats.decoded import (
    SIDEWAYS,
    Decoded,
    Decoder,
    Header,
    Want,
    alone_if_large,
    require_few_pages,
    require_pixels,
)
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
# Planes, bits and compression in a BMP file, of the kind that TensorFlow decodes.
BMP_PLACE, BMP_24 = 26, b"\1\0\x18\0\0\0\0\0"
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def is_deep(mode: str) -> bool:
    """Whether a mode of Pillow has more than 8 bits."""
    return mode.startswith(("I", "F"))


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size (after EXIF rotation), color and number of frames."""
    with opened(file, 0, max_pixels) as image:
        turned = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        width, height = image.size
        if turned in SIDEWAYS:
            width, height = height, width
        channels = 1 if image.mode in GRAY_MODES else 3
        pages, one_size = _frames(image)
        plain = image.format == "BMP" and _is_plain_bmp(file)
        decoder = Decoder.BMP if plain else Decoder.PYTHON
        return Header(height, width, channels, is_deep(image.mode), pages, one_size, decoder=decoder)


def _is_plain_bmp(file: BinaryIO) -> bool:
    file.seek(BMP_PLACE)
    return file.read(len(BMP_24)) == BMP_24


def count_pages(file: BinaryIO) -> tuple[int, bool]:
    """Returns the number of frames, and whether all are of one size; 1 where Pillow reads none behind the first.

    Raises:
        DataError: they are too many.
    """
    try:
        with opened(file, 0, LARGEST_MAX_PIXELS) as image:
            return _frames(image)
    except DataError:
        raise
    except Exception:  # what is broken behind the first frame does not cost that
        return 1, True


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
    with opened(file, page, want.max_pixels) as image, alone_if_large(*image.size):
        return decoded(ImageOps.exif_transpose(image), want.channels)


def read_pages(file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order; yields the error in place of one that is broken."""
    with opened(file, 0, want.max_pixels) as image:
        for page in pages:
            try:
                _seek(image, page, want.max_pixels)
                with alone_if_large(*image.size):
                    frame = decoded(ImageOps.exif_transpose(image), want.channels)
            except Exception as error:  # decoders raise many classes
                yield error
            else:
                yield frame


def read_after_first(
    read_first: Callable[[BinaryIO, int, Want], Decoded], file: BinaryIO, pages: Sequence[int], want: Want
) -> Iterator[Decoded | Exception]:
    """Decodes frames in ascending order, the first by `read_first`, which may raise."""
    if 0 in pages:
        try:
            yield read_first(file, 0, want)
        except Exception as error:  # decoders raise many classes
            yield error
    if others := [page for page in pages if page > 0]:
        yield from read_pages(file, others, want)


def decoded(image: Image.Image, channels: int | None) -> Decoded:
    """Converts an upright picture of any mode to "L", "RGB" or deep numbers, or to the bands that are wanted."""
    if is_deep(image.mode):
        return Decoded(np.asarray(image)[..., np.newaxis])
    if (image.mode, channels) in (("RGBA", 4), ("LA", 2)):
        return Decoded(np.asarray(image))
    gray = image.mode in GRAY_MODES if channels is None else channels == 1
    transparent = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    if transparent:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    mode = "L" if gray else "RGB"
    return Decoded(image if image.mode == mode else image.convert(mode))


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
