"""Classifiers: an encoder, its embedding by name, and a linear layer that starts from a probe or from zero."""

import keras
import numpy as np
import tensorflow as tf

from aag_tf.encoders.pixel_scaling import IMAGENET_DEVIATION, IMAGENET_MEAN, in_turn
from aag_tf.evaluation.fine_tune import STATISTICS_MOMENTUM
from aag_tf.evaluation.linear_probe import LinearProbe
from aag_tf.runs.classifier_record import EMBEDDING_LAYER

LOGITS = "logits"
Shape = tuple[int, int, int]
Head = tuple[np.ndarray, np.ndarray]  # kernel float32 [d, C] and bias float32 [C]


def build_classifier(encoder: keras.Model, image_shape: Shape, num_classes: int, input_range: str) -> keras.Model:
    """Adds a linear layer of zeros to an encoder, whose layers it shares.

    Args:
        encoder: images to embeddings [b, d].
        image_shape: (height, width, channels).
        num_classes: C.
        input_range: pixel values that the encoder expects, of `PIXEL_RANGES`.

    Returns:
        Pixels from 0 to 255, float32 [b, h, w, c], to logits, float32 [b, C]; the layer `embedding` gives the
        embedding.
    """
    own = encoder.inputs[0]
    is_plain = input_range == "0..255" and tuple(own.shape[1:]) == image_shape and own.dtype == "float32"
    if is_plain and not {EMBEDDING_LAYER, LOGITS} & {layer.name for layer in encoder.layers}:
        inputs, vectors = own, encoder.outputs[0]
    else:
        inputs = keras.Input(image_shape, dtype="float32", name="images")
        vectors = encoder(_scaled(inputs, input_range))
    embedding = keras.layers.Identity(dtype="float32", name=EMBEDDING_LAYER)(vectors)
    head = keras.layers.Dense(num_classes, kernel_initializer="zeros", dtype="float32", name=LOGITS)
    classifier = keras.Model(inputs, head(embedding), name="classifier")
    classifier.trainable = True
    for layer in classifier._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, STATISTICS_MOMENTUM)
    return classifier


def head_of(probe: LinearProbe) -> Head:
    """Returns a probe as weights for features that are not standardized."""
    kernel = probe.weights / probe.scale[:, np.newaxis]
    return kernel, probe.bias - probe.mean @ kernel


def _scaled(pixels: tf.Tensor, input_range: str) -> tf.Tensor:
    """Scales pixels from 0 to 255 by a layer of Keras."""
    match input_range:
        case "0..1":
            layer = keras.layers.Rescaling(1 / 255, dtype="float32", name="to_range")
        case "-1..1":
            layer = keras.layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="to_range")
        case "imagenet":
            channels = pixels.shape[-1]
            mean, deviation = in_turn(IMAGENET_MEAN, channels), in_turn(IMAGENET_DEVIATION, channels)
            variance = [value**2 for value in deviation]
            layer = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="to_range")
        case _:
            return pixels
    return layer(pixels)
