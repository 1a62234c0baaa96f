"""Converts uint8 pixels to the value range that a model of others expects."""

import keras
import tensorflow as tf

from aag_tf.encoders.pixel_scaling import CAFFE_MEAN_BGR, IMAGENET_DEVIATION, IMAGENET_MEAN
from aag_tf.utils.errors import EvaluationError


def require_range(input_range: str | None, dtype: str, channels: int | None, owner: str) -> str:
    """Returns the value range of a model's input.

    Args:
        input_range: the value of `--input_range`, `None` where it was not given.
        dtype: of the model's input.
        channels: of the model's input.
        owner: the model, for messages.

    Raises:
        EvaluationError: the range has to be given, or does not fit the model.
    """
    if dtype == "uint8":
        if input_range not in (None, "0..255"):
            raise EvaluationError(
                f"{owner} takes uint8 images, which are 0..255; leave --input_range={input_range} out."
            )
        return "0..255"
    if input_range is None:
        raise EvaluationError(
            f"{owner} takes {dtype} images, and nothing says in which range; look it up and give --input_range=0..255, "
            "0..1, -1..1, imagenet or imagenet_caffe."
        )
    if input_range.startswith("imagenet") and channels == 1:
        raise EvaluationError(f"--input_range={input_range} is for RGB and {owner} takes gray images; give another.")
    return input_range


def convert(images: tf.Tensor, input_range: str, dtype: str) -> tf.Tensor:
    """Converts uint8 images [b, h, w, c] in RGB to the dtype and range of a model."""
    if dtype == "uint8":
        return images
    return tf.cast(prepare(tf.cast(images, tf.float32), input_range), dtype)


def prepare(x, input_range: str):
    """Scales images [b, h, w, c] in [0, 255] to a range; takes float32 tensors and symbolic Keras tensors."""
    match input_range:
        case "0..1":
            return x / 255.0
        case "-1..1":
            return x / 127.5 - 1.0
        case "imagenet":
            return (x - keras.ops.convert_to_tensor(IMAGENET_MEAN)) / keras.ops.convert_to_tensor(IMAGENET_DEVIATION)
        case "imagenet_caffe":
            return x[..., ::-1] - keras.ops.convert_to_tensor(CAFFE_MEAN_BGR)
    return x
