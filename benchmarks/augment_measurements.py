"""Measures the crops, rotations and colors of a branch on its views, to test one branch or to compare two.

Geometry is measured on images whose pixel values encode their coordinates, color on views of any images.
"""

import colorsys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

WHITE = 255.0
GRAY_TOLERANCE = 0.5  # gray levels between the channels of a view that counts as gray
PURE_COLORS = {"red": (200.0, 0.0, 0.0), "green": (0.0, 200.0, 0.0), "blue": (0.0, 0.0, 200.0)}

Array = npt.NDArray[np.float64]


class Crops(NamedTuple):
    """Crop of each view as fractions of the image, `[count]` each, with (0, 0) at the upper left corner."""

    area: Array
    aspect: Array
    vertical: Array
    horizontal: Array
    flipped: npt.NDArray[np.bool_]


class Centers(NamedTuple):
    """Center of each view as fractions of the image's height and width, and its rotation, `[count]` each."""

    down: Array
    right: Array
    degrees: Array


class Colors(NamedTuple):
    """Colors of views: `[count, channels]`, `[count, channels]`, `[count]`, `[channels, 256]`."""

    mean: Array
    variance: Array
    gray: npt.NDArray[np.bool_]
    histogram: Array


def coordinate_images(count: int, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Creates images that encode coordinates: red grows from left to right, green from top to bottom, both 0 to 255.

    Returns:
        float32 `[count, *size, 3]`.
    """
    rows, columns = (np.linspace(0.0, WHITE, length, dtype=np.float32) for length in size)
    down, right = np.meshgrid(rows, columns, indexing="ij")
    return np.broadcast_to(np.stack([right, down, np.zeros_like(right)], axis=-1), (count, *size, 3))


def measure_crops(views: npt.ArrayLike) -> Crops:
    """Measures crops and flips on views of `coordinate_images` that were drawn without any change of color.

    Position is that of the crop's edge relative to the free space: 0 touches the upper or left border, 1 the lower or
    right one; NaN if the crop is as long as the image.
    """
    views = np.asarray(views, np.float64) / WHITE
    first, last = views[:, 0, 0], views[:, -1, -1]
    width, height = np.abs(last[:, 0] - first[:, 0]), np.abs(last[:, 1] - first[:, 1])
    left, top = np.minimum(first[:, 0], last[:, 0]), np.minimum(first[:, 1], last[:, 1])
    return Crops(
        area=width * height,
        aspect=np.divide(width, height, out=np.full_like(width, np.nan), where=height > 0),
        vertical=_share(top, 1.0 - height),
        horizontal=_share(left, 1.0 - width),
        flipped=first[:, 0] > last[:, 0],
    )


def measure_centers(views: npt.ArrayLike) -> Centers:
    """Measures center and rotation on affine views of `coordinate_images` that were drawn without any change of color.

    The angle is that of the view's horizontal axis in the image, from -90 to 90 degrees, so a flip is not a rotation.
    """
    views = np.asarray(views, np.float64) / WHITE
    row, column = views.shape[1] // 2, views.shape[2] // 2
    middle = views[:, row, column]
    along = views[:, row, column + 1] - views[:, row, column - 1]
    degrees = np.degrees(np.arctan2(along[:, 1] * views.shape[1], along[:, 0] * views.shape[2]))
    return Centers(middle[:, 1], middle[:, 0], (degrees + 90.0) % 180.0 - 90.0)


def measure_colors(views: npt.ArrayLike) -> Colors:
    """Measures mean, variance, grayness and histogram of views `[count, height, width, channels]` in [0, 255]."""
    views = np.asarray(views, np.float64)
    levels = np.clip(np.rint(views), 0, WHITE).astype(np.int64)
    channels = views.shape[-1]
    counts = [np.bincount(levels[..., channel].ravel(), minlength=256) for channel in range(channels)]
    return Colors(
        mean=views.mean((1, 2)),
        variance=views.var((1, 2)),
        gray=np.ptp(views, axis=-1).max((1, 2)) < GRAY_TOLERANCE,
        histogram=np.stack(counts) / levels[..., 0].size,
    )


def hue_turns(views: npt.ArrayLike, color: tuple[float, float, float]) -> Array:
    """Measures the hue rotation of views of an image of one color, in turns from -0.5 to 0.5.

    Views without color are excluded.
    """
    pixels = np.asarray(views, np.float64)[:, 0, 0] / WHITE
    colored = pixels[np.ptp(pixels, axis=-1) > GRAY_TOLERANCE / WHITE]
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in colored])
    return (hues - colorsys.rgb_to_hsv(*color)[0] + 0.5) % 1.0 - 0.5


def distance(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Kolmogorov's distance of two samples: the largest difference between their distribution functions, 0 to 1.

    Two samples of size `n` from one distribution differ by more than `1.95 * sqrt(2 / n)` once in a thousand times.
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return float(stats.ks_2samp(one[~np.isnan(one)], other[~np.isnan(other)]).statistic)


def histogram_distance(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Earth mover's distance of two histograms over gray levels, in gray levels, averaged over channels."""
    difference = np.cumsum(np.asarray(one, np.float64) - np.asarray(other, np.float64), axis=-1)
    return float(np.abs(difference).sum(axis=-1).mean())


def _share(start: Array, room: Array) -> Array:
    return np.divide(start, room, out=np.full_like(start, np.nan), where=room > 0.05)
