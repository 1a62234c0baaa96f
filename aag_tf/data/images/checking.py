"""Finds the picture that TensorFlow cannot cut views from: it reads some by itself, and names no file in its errors."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.data.files.trying import without_frames
from aag_tf.data.images.base import Images
from aag_tf.data.images.file_images import ADVICE
from aag_tf.data.images.windows import Window
from aag_tf.utils.errors import DataError, one_line

WHOLE = (0.0, 0.0, 1.0, 1.0)  # a window


def check_crops(images: Images, indices: npt.ArrayLike, name_of: Callable[[int], str]) -> None:
    """Cuts a view of each whole picture, as training cuts its views.

    Args:
        images: have sources, and Python can decode those of the indices.
        indices: integers [k].
        name_of: names an image by its number.

    Raises:
        DataError: a picture is not what it was when its data set was opened.
    """
    numbers = np.asarray(indices, np.int64)
    sources, whole = images.sources(tf.constant(numbers)), Window(*(tf.constant([side]) for side in WHOLE))
    for row, number in enumerate(numbers.tolist()):
        try:
            images.crops({name: of[row] for name, of in sources.items()}, whole, [images.shape[:2]])
        except tf.errors.OpError as error:
            raise DataError(
                f"{name_of(number)} can no longer be read as when the run began, since it is another picture now "
                f"({one_line(error, 80)}); put back what was there{ADVICE}"
            ) from without_frames(error)
