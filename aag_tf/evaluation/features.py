"""Features of images: embeddings of a frozen encoder, or raw pixels as a baseline."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from aag_tf.data import Images, evaluation_batches, report_lost_files
from aag_tf.evaluation.results import RAW_PIXELS
from aag_tf.utils.progress import progress_bar

Encoder = Callable[[tf.Tensor], tf.Tensor]  # a Keras model is one too

PIXEL_SIDE = 32  # larger images are averaged down: 224 x 224 pixels would be 150 528 features, and no better a baseline


def embed(model: Encoder, images: Images, batch_size: int = 256, *, name: str = "embedding") -> np.ndarray:
    """Computes the features of every image, in order.

    Args:
        model: uint8 images [b, height, width, channels] to float features [b, d]; a Keras model is called with
            `training=False`, any other callable (say, what `inference` returned) as it is.
        images: of one split.
        batch_size: images at a time; changes speed and memory, not the result.
        name: text of the progress bar.

    Returns:
        float32 [n, d].

    Raises:
        DataError: the file of an image can no longer be read.
    """
    call = inference(model, images.shape)
    parts = []
    with report_lost_files(), progress_bar(name, len(images), "img") as bar:
        for batch in evaluation_batches(images, batch_size):
            parts.append(tf.cast(call(batch), tf.float32).numpy())
            bar.update(len(parts[-1]))
    return np.concatenate(parts)


def raw_pixels(images: Images, batch_size: int = 256) -> np.ndarray:
    """Returns pixels as features, float32 [n, h * w * channels] in [0, 255]; larger images are averaged down to 32."""
    height, width, _ = images.shape
    size = (min(height, PIXEL_SIDE), min(width, PIXEL_SIDE))

    def flatten(batch: tf.Tensor) -> tf.Tensor:
        pixels = tf.cast(batch, tf.float32)
        if size != (height, width):
            pixels = tf.image.resize(pixels, size, method="area")
        return tf.reshape(pixels, [tf.shape(batch)[0], size[0] * size[1] * images.shape[2]])

    return embed(flatten, images, batch_size, name=RAW_PIXELS)


def inference(model: Encoder, image_shape: tuple[int, int, int]) -> Encoder:
    """Wraps a Keras model in a graph function of uint8 images, traced once for batches of any size.

    Any other callable is returned as it is. Call this once where `embed` is called repeatedly with one model.
    """
    if not isinstance(model, keras.Model):
        return model
    signature = [tf.TensorSpec([None, *image_shape], tf.uint8)]
    return tf.function(lambda batch: model(batch, training=False), input_signature=signature)
