"""From the decoded pixels of a page to the uint8 image that is trained on: range, channels and size, rounded once.

8-bit pictures are scaled by Pillow's whole numbers, which differ from a single rounding by at most one level. Deeper
ones are scaled in floating point: range first, then size, then one rounding.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data.files.formats.decoded import Decoded
from aag_tf.data.files.reading import Range, Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.data.files.sizes import Size, padded_size
from aag_tf.utils.errors import DataError

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow converts color to gray
DEEPEST_GRAY = 65_535
STRIP = 256  # rows whose wide intermediates are in memory at a time
Box = tuple[float, float, float, float]


class Placement(NamedTuple):
    """Which part of a picture is shown where.

    Args:
        box: left, top, right and bottom of the part in the picture.
        size: height and width that it is scaled to.
        at: top and left of its place in the image.
    """

    box: Box
    size: Size
    at: tuple[int, int] = (0, 0)


def place(found: Size, size: Size, how: str) -> Placement:
    """Returns how a picture comes to a size: `crop`, `pad` or `stretch`."""
    height, width = found
    if how == "pad":
        inner = padded_size(found, size)
        return Placement((0, 0, width, height), inner, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    if how == "stretch" or width * size[0] == height * size[1]:
        return Placement((0, 0, width, height), size)
    # The largest centered part, which may begin and end between pixels, as Pillow's `ImageOps.fit` has it.
    wide = width * size[0] > height * size[1]
    ratio = size[1] / size[0]
    part = (ratio * height, height) if wide else (width, width / ratio)
    left, top = (width - part[0]) * 0.5, (height - part[1]) * 0.5
    return Placement((left, top, left + part[0], top + part[1]), size)


def fitted(decoded: Decoded, shape: Shape, reading: Reading) -> npt.NDArray[np.uint8]:
    """Returns a decoded picture as an image, uint8 [*shape].

    Raises:
        DataError: it has fewer channels than are wanted, or values whose range is unknown.
    """
    pixels, size = decoded.pixels, shape[:2]
    if isinstance(pixels, Image.Image):
        bands = np.asarray(_scaled(pixels, size, reading.fit), np.uint8)
        return _with_channels(bands.reshape(*size, -1), shape[2])
    values = select_bands(pixels, shape[2])
    span = (0.0, 255.0) if values.dtype == np.uint8 else reading.value_range or default_range(values)
    planes = [_plane(values[..., band], decoded, span, size, reading.fit) for band in range(values.shape[2])]
    if shape[2] == 1 and len(planes) == 3:
        planes = [np.einsum("c,chw->hw", LUMA, np.stack(planes))]
    image = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
    return _with_channels(image, shape[2])


def select_bands(values: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    """Returns the bands [h, w, ...] that the wanted channels are made of: the first ones, or color for gray.

    Raises:
        DataError: there are fewer.
    """
    found = values.shape[2]
    if (found, channels) in ((1, 3), (3, 1)):
        return values
    if found < channels:
        raise DataError(f"{found} channels, which is fewer than the {channels} that are read (--channels)")
    return values[..., :channels]


def default_range(values: npt.NDArray[Any]) -> Range:
    """Returns the range of gray of at most 16 bits where no data set decides.

    Raises:
        DataError: the values are others.
    """
    if values.dtype.kind not in "iu":
        raise DataError("floating-point values, whose range is not known; train with --value_range=LOW..HIGH")
    low, high = values.min(), values.max()
    if low < 0 or high > DEEPEST_GRAY:
        raise DataError(f"values from {low} to {high}, which are not 16-bit; train with --value_range=LOW..HIGH")
    return 0.0, float(DEEPEST_GRAY)


def shares(values: npt.NDArray[Any], span: Range) -> npt.NDArray[np.float32]:
    """Shares of white: the ends of the range become 0 and 1, values beyond are clipped, and what is no number stays so.

    In float64 until they are clipped, as in the graph of an export (`aag_tf.data.images.color.shares`): another
    rounding would be another level of a pixel.

    Args:
        values: real numbers [h, ...].
        span: low and high end.
    """
    low, high = span
    found = np.empty(values.shape, np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(values), STRIP):  # which bounds the memory
            rows = slice(start, start + STRIP)
            found[rows] = np.clip((values[rows].astype(np.float64) - low) / (high - low), 0, 1)
    return found


def _plane(band: npt.NDArray[Any], decoded: Decoded, span: Range, size: Size, how: str) -> npt.NDArray[np.float32]:
    """One band at the wanted size, 0 to 255, not rounded; NaN is black."""
    gray = shares(band, span)
    missing = np.isnan(gray)
    if decoded.inverted:
        gray = 1 - gray
    gray = np.where(missing, 0, gray)
    if decoded.opacity is not None:
        gray = gray * decoded.opacity + (1 - decoded.opacity)
    picture = Image.fromarray(np.ascontiguousarray(np.float32(255) * gray, np.float32))
    return np.asarray(_scaled(picture, size, how))


def _scaled(picture: Image.Image, size: Size, how: str) -> Image.Image:
    if picture.size == (size[1], size[0]):
        return picture
    placement = place((picture.height, picture.width), size, how)
    height, width = placement.size
    scaled = picture.resize((width, height), Image.Resampling.BILINEAR, box=placement.box)
    if placement.size == size:
        return scaled
    canvas = Image.new(picture.mode, (size[1], size[0]))  # black
    canvas.paste(scaled, (placement.at[1], placement.at[0]))
    return canvas


def _with_channels(image: npt.NDArray[np.uint8], channels: int) -> npt.NDArray[np.uint8]:
    """Repeats gray as color."""
    if image.shape[2] == 1 and channels == 3:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] != channels:
        raise DataError(f"{image.shape[2]} channels, and {channels} are read (--channels)")
    return image
