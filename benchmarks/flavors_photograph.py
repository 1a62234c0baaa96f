"""The photographs that `picture_flavors.py` makes its files of, and how Pillow writes them."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

SHAPE = (24, 32)
ORIENTATION = 0x0112


def photograph(height: int = SHAPE[0], width: int = SHAPE[1]) -> Image.Image:
    """A part of a photograph, with saturated colors and fine detail."""
    return Image.fromarray(load_sample_image("flower.jpg")[180 : 180 + height, 250 : 250 + width])


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Returns the content of a file that Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated(orientation: int) -> Image.Exif:
    """EXIF of an orientation, 1 to 8."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def with_alpha(picture: Image.Image) -> Image.Image:
    """A picture with a ramp from clear to opaque, repeated."""
    ramp = np.add.outer(9 * np.arange(picture.height), 5 * np.arange(picture.width)) % 300
    clear = picture.copy()
    clear.putalpha(Image.fromarray(ramp.clip(0, 255).astype(np.uint8)))
    return clear
