"""The size of all images of a data set: by which rule, what is lost on the way, and what is said of it."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aag_tf.config.reading import LARGEST_SIDE, SMALLEST_SIDE, ReadingConfig, read_size
from aag_tf.utils.log import logger

Size = tuple[int, int]  # height, width
Sizes = Sequence[Size] | npt.NDArray[np.integer]  # [n, 2]

LARGEST_KEPT = 256  # pixels: larger images are scaled to DEFAULT_SIZE
DEFAULT_SIZE = 224  # pixels: usual for ImageNet encoders
MUCH = 0.34  # of a picture: a little more than cropping a 3:2 photograph to a square cuts away


def target_size(agreed: Size | None, image_size: int | str | None) -> Size:
    """Returns the height and width that all images of a data set are scaled to.

    Args:
        agreed: height and width of all images, or `None` if they differ.
        image_size: value of `--image_size`, the side of a square or height and width; `None` keeps `agreed` if neither
            side is above 256, and otherwise means 224.
    """
    if image_size is not None:
        return read_size(image_size)
    return agreed if agreed is not None and max(agreed) <= LARGEST_KEPT else (DEFAULT_SIZE, DEFAULT_SIZE)


def warn_of_size(
    name: str,
    agreed: Size | None,
    image_size: int | str | None,
    how: str = ReadingConfig.fit,
    sizes: Sizes = (),
    *,
    cut: bool = False,
) -> None:
    """Logs a warning if images are scaled although no `--image_size` was given, or if much of them is cut away.

    Args:
        name: name of the data set.
        agreed: as in `target_size`.
        image_size: as in `target_size`.
        how: as in `fit`.
        sizes: height and width of each image, where they differ.
        cut: whether views are cut from the pictures themselves, so that this is how they are evaluated alone.
    """
    size = target_size(agreed, image_size)
    lost = lost_share([agreed] if agreed is not None else sizes, size) if how == "crop" else 0.0
    if (image_size is not None or size == agreed) and lost <= MUCH:
        return
    found = "images of several sizes" if agreed is None else f"images of {agreed[0]}x{agreed[1]}"
    evaluated = "views are cut from the pictures themselves (--crop_from); for evaluation " if cut else ""
    done = {"crop": "cropped", "pad": "padded with black", "stretch": "stretched"}[how]
    said = f"{name} has {found}: {evaluated}each is scaled and {done} to {size[0]}x{size[1]}"
    if lost > MUCH:
        better = suggested_size([agreed] if agreed is not None else sizes, size)
        said += (
            f", which cuts away {lost:.0%} of an average picture; --fit=pad keeps it whole, "
            f"--image_size={better[0]}x{better[1]} its shape."
        )
    else:
        said += "; --image_size chooses another size."
    logger.warning("%s", said)


def lost_share(sizes: Sizes, size: Size) -> float:
    """Returns the part of an average picture that cropping to the aspect of `size` cuts away, 0 to 1."""
    if not len(sizes):
        return 0.0
    height, width = np.asarray(sizes, np.int64).T
    relative = (width * size[0]) / (height * size[1])
    return float(np.mean(1 - np.minimum(relative, 1 / relative)))


def suggested_size(sizes: Sizes, size: Size) -> Size:
    """Returns height and width of the usual aspect of `sizes`, with at most about as many pixels as `size`."""
    heights, widths = np.asarray(sizes, np.int64).T
    middle = np.argsort(widths / heights, kind="stable")[len(sizes) // 2]
    height, width = int(heights[middle]), int(widths[middle])
    scale = min(1.0, math.sqrt(size[0] * size[1] / (height * width)))
    scale = min(scale, LARGEST_SIDE / max(height, width))
    least = SMALLEST_SIDE
    return max(least, round(height * scale)), max(least, round(width * scale))


def padded_size(found: Size, size: Size) -> Size:
    """Returns height and width of an image of size `found` that is scaled to lie within `size`, its aspect kept."""
    height, width = found
    if height * size[1] >= width * size[0]:
        return size[0], max(1, round(width * size[0] / height))
    return max(1, round(height * size[1] / width)), size[1]
