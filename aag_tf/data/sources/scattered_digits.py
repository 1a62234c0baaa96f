"""`scattered_digits`: scikit-learn's digits at various sizes and places of a 16x16 canvas; nothing to download.

The digits are real, their placement is not. As they come, digits are centered and of one size: equal pixels mean the
same digit, and little is left to learn. Here a digit shares few pixels with the same digit elsewhere.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.config import DataConfig
from aag_tf.data.sources.digits import digits_source, load_digit_images
from aag_tf.data.splits import Source
from aag_tf.utils import seeds

CANVAS = 16  # pixels along each side
SIDES = (8, 9, 10, 11)  # of a digit, in pixels
# A fixed seed and not the run's, so that runs of all seeds see the same images.
PLACEMENT_SEED = 0


def read_scattered_digits(rest: str, config: DataConfig) -> Source:
    """Returns every digit once as one labeled train split, uint8 [1797, 16, 16, 1].

    Number and labels are those of `digits`, so that the splits hold the same digits.

    Raises:
        DataError: `rest` is not empty.
    """
    digits, labels = load_digit_images()
    return digits_source("scattered_digits", rest, scatter(digits), labels, config)


def scatter(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Scales and places each digit on a black canvas: uint8 [n, h, w, 1] -> uint8 [n, 16, 16, 1]."""
    canvases = np.zeros((len(digits), CANVAS, CANVAS, 1), np.uint8)
    for number, digit in enumerate(digits):
        side, top, left = placement(number)
        # Pillow scales in whole numbers, so that all machines get the same pixels.
        scaled = Image.fromarray(digit[..., 0]).resize((side, side), Image.Resampling.BILINEAR)
        canvases[number, top : top + side, left : left + side, 0] = np.asarray(scaled)
    return canvases


def placement(number: int) -> tuple[int, int, int]:
    """Returns side, top and left of the digit `number` in pixels, a fixed function of the number; uniform."""
    size, place = seeds.fold(PLACEMENT_SEED, "scattered digits", number)
    side = SIDES[size % len(SIDES)]
    places = CANVAS - side + 1  # along each axis
    return side, *divmod(place % places**2, places)
