"""The shape of one image, and what is the shape of an image that people train on."""

from aag_tf.config.reading import LARGEST_CHANNELS

Shape = tuple[int, int, int]  # height, width, channels

LARGEST_SIDE = 2**16  # pixels
MOST_VALUES = 2**28  # of one image


def is_possible(shape: Shape) -> bool:
    """Whether an image has this shape, also where it was read from a file of unknown origin."""
    height, width, channels = shape
    sides = 1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE
    return sides and 1 <= channels <= LARGEST_CHANNELS and height * width * channels <= MOST_VALUES
