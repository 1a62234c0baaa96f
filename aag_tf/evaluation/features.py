"""Features of images: embeddings of a frozen encoder, or raw pixels as a baseline."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from aag_tf.data import Images, Split, evaluation_batches, report_lost_files
from aag_tf.data.images.python_calls import elements
from aag_tf.encoders import average_views
from aag_tf.evaluation.results import RAW_PIXELS
from aag_tf.utils.progress import progress_bar

Encoder = Callable[[tf.Tensor], tf.Tensor]  # a Keras model is one too

MEAN_IMAGES = 10_000  # that the mean of pixels is taken of: more change it by less than rounding to a level does
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
    return embedder(images, batch_size, name=name)(model)


def embedder(images: Images, batch_size: int = 256, *, name: str = "embedding") -> Callable[[Encoder], np.ndarray]:
    """Returns `embed` for the same images again and again: they are read through one pipeline, which is traced once."""
    batches = evaluation_batches(images, batch_size)

    def embed_by(model: Encoder) -> np.ndarray:
        call = inference(model, images.shape)
        parts = []
        with report_lost_files(), progress_bar(name, len(images), "img") as bar:
            for batch in elements(batches):
                parts.append(tf.cast(call(batch), tf.float32).numpy())
                bar.update(len(parts[-1]))
        return np.concatenate(parts)

    return embed_by


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


def centered_pixels(bank: Split, batch_size: int = 256) -> Callable[[Images], np.ndarray]:
    """Returns `raw_pixels` minus their mean, as a function of images: float32 [n, d].

    Without it, the cosine of two images tells little but that both are bright: on CIFAR-10, 20-NN is right for 36 % of
    the images, and with it for 46 %.

    Args:
        bank: the images to learn from; the mean is that of up to 10 000 of them.
        batch_size: as for `raw_pixels`.
    """
    mean = raw_pixels(bank.take(MEAN_IMAGES).images, batch_size).mean(axis=0)
    return lambda images: raw_pixels(images, batch_size) - mean


def inference(model: Encoder, image_shape: tuple[int, int, int], embed_views: int = 1) -> Encoder:
    """Wraps a Keras model in a graph function of uint8 images, traced once for batches of any size.

    Any other callable is returned as it is. Call this once where `embed` is called repeatedly with one model.

    Args:
        model: the encoder.
        image_shape: (height, width, channels).
        embed_views: fixed views of an image whose embeddings a Keras model's are averaged over.
    """
    if not isinstance(model, keras.Model):
        return model
    signature = [tf.TensorSpec([None, *image_shape], tf.uint8)]
    call = average_views(model, embed_views)
    return tf.function(call, input_signature=signature, autograph=False)
