"""Images as small PNG pictures inside the page."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data import Images, ShownBands

LARGEST_SIDE = 64  # pixels; larger images are scaled down, and a noisy one still takes 17 kB at most


def thumbnails(images: Images, rows: npt.ArrayLike, bands: ShownBands) -> list[str]:
    """Encodes images as `data:` URLs of PNGs, at most 64 pixels high and wide, with their aspect ratio kept.

    Args:
        images: uint8.
        rows: numbers of the images, int [k].
        bands: that are shown.
    """
    return [_address(picture) for picture in bands.picture(images.numpy(rows))]


def _address(picture: npt.NDArray[np.uint8]) -> str:
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
