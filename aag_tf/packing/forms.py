"""From the picture of a source to what is stored of it: as it is, as a smaller JPEG, or as pixels."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data import pictures, resizing
from aag_tf.data.pack.manifest import Manifest
from aag_tf.data.shapes import Shape
from aag_tf.packing.items import Picture

# With full color resolution: halving it (4:2:0, the usual) saves a quarter of the bytes, and costs more of the picture
# at the size of training than quality 90 does; see docs/measurements/performance.md.
SUBSAMPLING = "4:4:4"


class Stored(NamedTuple):
    """A picture as it is stored: encoded bytes, or pixels in C order, and its shape."""

    image: bytes
    height: int
    width: int
    channels: int


Form = Callable[[Picture], Stored]


def original(picture: Picture) -> Stored:
    """Keeps a picture as it is, after it was decoded once.

    Raises:
        Exception: it cannot be decoded.
    """
    if not isinstance(picture, bytes):
        return _pixels(picture)
    header = pictures.read_header(io.BytesIO(picture))
    channels = 1 if header.gray else 3
    pictures.decode(io.BytesIO(picture), (resizing.DEFAULT_SIZE, resizing.DEFAULT_SIZE, channels))
    return Stored(picture, header.height, header.width, channels)


def smaller_jpeg(side: int, quality: int) -> Form:
    """Returns the form that scales larger pictures down and encodes them as JPEG, and keeps the others as they are.

    Args:
        side: length in pixels of the shorter side of the JPEG.
        quality: of JPEG, up to 100.
    """

    def form(picture: Picture) -> Stored:
        assert isinstance(picture, bytes)
        header = pictures.read_header(io.BytesIO(picture))
        shorter = min(header.height, header.width)
        if shorter <= side:
            return original(picture)
        height, width = (max(side, round(length * side / shorter)) for length in (header.height, header.width))
        channels = 1 if header.gray else 3
        pixels = pictures.decode(io.BytesIO(picture), (height, width, channels))
        return Stored(_jpeg(pixels, quality), height, width, channels)

    return form


def raw(shape: Shape) -> Form:
    """Returns the form that stores the pixels of pictures of one shape."""

    def form(picture: Picture) -> Stored:
        pixels = pictures.decode(io.BytesIO(picture), shape) if isinstance(picture, bytes) else picture
        return _pixels(pixels)

    return form


def form_of(manifest: Manifest) -> Form:
    """Returns the form of a pack that was begun."""
    settings = manifest.settings
    match settings.form:
        case "raw":
            assert manifest.shape is not None
            return raw(manifest.shape)
        case "jpeg":
            assert settings.side is not None
            return smaller_jpeg(settings.side, settings.quality)
    return original


def _pixels(pixels: npt.NDArray[np.uint8]) -> Stored:
    height, width, channels = pixels.shape
    return Stored(pixels.tobytes(), height, width, channels)


def _jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(file, "JPEG", quality=quality, subsampling=SUBSAMPLING, optimize=True)
    return file.getvalue()
