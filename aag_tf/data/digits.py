"""`digits`: the 1 797 handwritten digits of scikit-learn, 8x8 and gray; nothing to download."""

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data import resizing
from aag_tf.data.images import ArrayImages
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError

LEVELS = 16  # pixels of the original images are 0 to 16


def read_digits(rest: str, config: DataConfig) -> Source:
    """Returns all digits as one labeled train split, uint8 [1797, 8, 8, 1].

    Raises:
        DataError: `rest` is not empty.
    """
    if rest:
        raise DataError(f"--dataset=digits:{rest} is not known: nothing may follow digits; use --dataset=digits.")
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / LEVELS)).astype(np.uint8)[..., np.newaxis]
    size = resizing.target_size(images.shape[1:3], config.image_size)
    return Source(
        name="digits",
        train=Split(ArrayImages(resizing.fit_array(images, size)), digits.target),
        class_names=[str(name) for name in digits.target_names],
    )
