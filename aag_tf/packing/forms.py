"""From the picture of a source to what is stored of it: as it is, as a smaller JPEG, or as pixels."""

import dataclasses
import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data.files import pictures, sizes
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.data.pack.manifest import JPEG, RAW, Manifest
from aag_tf.packing.items import Picture

# Measured in docs/measurements/packing.md: full color resolution gives a better picture than half of it (4:2:0) in as
# many bytes, and Lanczos keeps what a bilinear filter would blur.
SUBSAMPLING = "4:4:4"
FILTER = Image.Resampling.LANCZOS
SEVERAL_PAGES = "of several pages, of which the first is read"


class Stored(NamedTuple):
    """A picture as it is stored.

    Args:
        image: encoded bytes, or pixels in C order.
        height, width, channels: of the picture.
        pages: of the file, of which this is the first.
        deep: whether it has values of more than 8 bits.
        note: what was found odd about it, in words that follow a number of files; empty for nothing.
        decoder: of TensorFlow that gives the same picture.
    """

    image: bytes
    height: int
    width: int
    channels: int
    pages: int = 1
    deep: bool = False
    note: str = ""
    decoder: int = Decoder.PYTHON


Form = Callable[[Picture], Stored]


def form_of(manifest: Manifest) -> Form:
    """Returns the form of a pack that was begun."""
    settings, reading = manifest.settings, manifest.reading
    if settings.form == RAW:
        assert manifest.shape is not None
        return raw(manifest.shape, reading)
    if settings.form == JPEG:
        assert settings.side is not None
        return smaller_jpeg(settings.side, settings.quality, reading)
    return original(reading.max_pixels)


def original(max_pixels: int) -> Form:
    """Returns the form that keeps pictures as they are, after each was decoded once."""

    def form(picture: Picture) -> Stored:
        if not isinstance(picture, bytes):
            return _pixels(picture)
        header = pictures.read_header(io.BytesIO(picture), max_pixels)
        shape = (sizes.DEFAULT_SIZE, sizes.DEFAULT_SIZE, header.channels)
        # In a range of its own, since that of the data set is found when it is read.
        trial = Reading(value_range=(0.0, 1.0), max_pixels=max_pixels)
        _, note = pictures.decode_noted(io.BytesIO(picture), shape, trial)
        facts = (header.height, header.width, header.channels, header.pages, header.deep)
        return Stored(picture, *facts, _note(header, note), header.decoder)

    return form


def smaller_jpeg(side: int, quality: int, reading: Reading) -> Form:
    """Returns the form that scales larger pictures down and encodes them as JPEG, and keeps the others as they are.

    Deep pictures lose their depth, the smaller ones nothing else (PNG).

    Args:
        side: length in pixels of the shorter side of the JPEG.
        quality: of JPEG, up to 100.
        reading: has the range of deep pictures.
    """
    keep = original(reading.max_pixels)
    whole = dataclasses.replace(reading, fit="stretch")  # by less than a pixel

    def form(picture: Picture) -> Stored:
        assert isinstance(picture, bytes)
        header = pictures.read_header(io.BytesIO(picture), reading.max_pixels)
        shorter = min(header.height, header.width)
        if shorter <= side and not header.deep:
            return keep(picture)
        full = (header.height, header.width)
        height, width = _scaled(full, min(1.0, side / shorter))
        # A much larger picture is first decoded at twice the size, which JPEG does many times faster.
        decoded_size = _scaled(full, min(1.0, 2 * side / shorter))
        pixels, note = pictures.decode_noted(io.BytesIO(picture), (*decoded_size, header.channels), whole)
        image = _image(pixels)
        if image.size == (width, height):
            encoded, decoder = _png(image), Decoder.PNG
        else:
            encoded, decoder = _jpeg(image.resize((width, height), FILTER), quality), Decoder.JPEG
        return Stored(encoded, height, width, header.channels, note=_note(header, note), decoder=decoder)

    return form


def raw(shape: Shape, reading: Reading) -> Form:
    """Returns the form that stores the pixels of pictures of one shape."""

    def form(picture: Picture) -> Stored:
        if not isinstance(picture, bytes):
            return _pixels(picture)
        header = pictures.read_header(io.BytesIO(picture), reading.max_pixels)
        pixels, note = pictures.decode_noted(io.BytesIO(picture), shape, reading)
        return _pixels(pixels)._replace(note=_note(header, note))

    return form


def _pixels(pixels: npt.NDArray[np.uint8]) -> Stored:
    height, width, channels = pixels.shape
    return Stored(pixels.tobytes(), height, width, channels)


def _note(header: pictures.Header, note: str) -> str:
    return note or header.note or (SEVERAL_PAGES if header.pages > 1 else "")


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=SUBSAMPLING, optimize=True)
    return file.getvalue()


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _image(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
