"""What an exported encoder promises its clients, as a graph and as metadata."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aag_tf.saved_model import INPUT, OUTPUT, SIGNATURE

ImageShape = tuple[int, int, int]


def input_spec(image_shape: ImageShape) -> tf.TensorSpec:
    """Images as clients send them: uint8 [None, height, width, channels]."""
    return tf.TensorSpec([None, *image_shape], tf.uint8, name=INPUT)


def serving_function(encoder: keras.Model, image_shape: ImageShape) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The function behind `serving_default`: uint8 [b, h, w, c] to `{"embedding": float32 [b, dim]}`.

    The graph itself checks what TensorFlow does not: images of another shape raise `InvalidArgumentError` instead of
    giving some vector, and an empty batch gives [0, dim] instead of dying inside the convolution kernels.
    """
    dim = encoder.output_shape[-1]

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.ensure_shape(images, [None, *image_shape])
        count = tf.shape(images)[0]
        # An empty batch gets one black image, cut off again below: unlike a branch, padding survives every converter.
        missing = tf.cast(tf.equal(count, 0), tf.int32)
        padded = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
        embedding = tf.cast(encoder(padded, training=False), tf.float32)[:count]
        return {OUTPUT: tf.ensure_shape(embedding, [None, dim])}

    return serve


def describe(image_shape: ImageShape, dim: int) -> dict[str, Any]:
    """The signatures with shapes, dtypes and value ranges, for `model.json`; `None` is the batch."""
    return {
        SIGNATURE: {
            "inputs": {INPUT: {"dtype": "uint8", "shape": [None, *image_shape], "range": [0, 255]}},
            "outputs": {OUTPUT: {"dtype": "float32", "shape": [None, dim]}},
        }
    }
