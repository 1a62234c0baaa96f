"""TensorFlow's decoders of JPEG, PNG, GIF and WebP: those of the graph of an export, so that both see the same pixels.

No two libraries agree on every damaged file. One that is read here is read in service, and one that is refused here is
refused there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.utils.errors import DataError


def jpeg_shape(content: bytes) -> tuple[int, int, int]:
    """Returns height, width and number of components of a JPEG file, from its header."""
    height, width, components = _run("JPEG", content, lambda tf, data: tf.io.extract_jpeg_shape(data)).tolist()
    return height, width, components


def decode_jpeg(content: bytes, channels: int, ratio: int) -> npt.NDArray[np.uint8]:
    """Decodes a JPEG file at 1, 1/2, 1/4 or 1/8 of its size: uint8 [h, w, channels], channels 1 or 3."""
    # The accurate transform is the one of other programs.
    options = {"channels": channels, "ratio": ratio, "dct_method": "INTEGER_ACCURATE"}
    return _run("JPEG", content, lambda tf, data: tf.io.decode_jpeg(data, **options))


def decode_png(content: bytes, channels: int, *, deep: bool = False) -> npt.NDArray[Any]:
    """Decodes a PNG file: uint8, or uint16 if `deep`, [h, w, channels]; as many as the file has for 0."""
    return _run("PNG", content, lambda tf, data: tf.io.decode_png(data, channels, tf.uint16 if deep else tf.uint8))


def decode_gif(content: bytes) -> npt.NDArray[np.uint8]:
    """Decodes every frame of a GIF file of whole frames: uint8 [frames, h, w, 3]."""
    return _run("GIF", content, lambda tf, data: tf.io.decode_gif(data))


def decode_webp(content: bytes) -> npt.NDArray[np.uint8]:
    """Decodes a WebP file of one picture, never an animation: uint8 [h, w, 3 or 4]."""
    return _run("WebP", content, lambda tf, data: tf.io.decode_webp(data))[0]


def _run(kind: str, content: bytes, decode: Callable[[Any, Any], Any]) -> npt.NDArray[Any]:
    import tensorflow as tf

    try:
        with tf.device("CPU:0"):
            return np.asarray(decode(tf, tf.constant(content)))  # a tensor first, since bytes take a slower path
    except tf.errors.OpError as error:
        raise DataError(f"a {kind} file that is truncated or damaged") from error
