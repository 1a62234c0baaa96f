"""`digits`: the 1 797 handwritten digits of scikit-learn, 8x8 and gray; nothing to download."""

import numpy as np
import numpy.typing as npt

from aag_tf.config import DataConfig
from aag_tf.data.files import resizing, sizes
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.base import ArrayImages
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError

LEVELS = 16  # pixels of the original images are 0 to 16


def read_digits(rest: str, config: DataConfig) -> Source:
    """Returns all digits as one labeled train split, uint8 [1797, 8, 8, 1].

    Raises:
        DataError: `rest` is not empty.
    """
    images, labels = load_digit_images()
    return digits_source("digits", rest, images, labels, config)


def load_digit_images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Returns scikit-learn's digits, uint8 [1797, 8, 8, 1], white on black, and their labels, int64 [1797]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.round(digits.images * (255 / LEVELS)).astype(np.uint8)[..., np.newaxis], digits.target


def digits_source(
    name: str, rest: str, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], config: DataConfig
) -> Source:
    """Returns pictures of digits as one labeled train split, at `config.image_size` if that is given.

    Raises:
        DataError: `rest`, the text after the name, is not empty.
    """
    if rest:
        raise DataError(f"--dataset={name}:{rest} is not known: nothing may follow {name}; use --dataset={name}.")
    size = sizes.target_size(images.shape[1:3], config.image_size)
    return Source(
        name=name,
        train=Split(ArrayImages(resizing.fit_array(images, size, config.reading.fit)), labels),
        class_names=[str(label) for label in range(10)],
        reading=Reading.of(config.reading),
    )
