"""An embedding averaged over fixed views of an image: the one place that says which views these are.

    1   the image
    2   the image and its mirror image
    5   the image and its four corners
    10  those five, and their mirror images

A corner is 7/8 of each side, enlarged to the size of the image (bilinear; where pictures are enlarged, antialiasing
changes nothing). The share is that of the ten views of A. Krizhevsky et al., *ImageNet Classification with Deep
Convolutional Neural Networks*, 2012 (224 of 256 pixels), with the whole image in place of their central crop.

Nothing is drawn at random. The views are float, as those of training are, and not rounded, so that runtimes which add
up in another order give the same embeddings. TensorFlow's own operations alone make them, in a graph too.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from aag_tf.config.embed_views import MIRRORED, check_embed_views

CORNER_SHARE = 7 / 8  # of each side
WITH_CORNERS = (5, 10)

Encoder = Callable[[Any], Any]


def embedding_views(images: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the fixed views of images: the images, their top left, top right, bottom left and bottom right corners.

    With 2 and 10 views, the mirror images of these follow in the same order.

    Args:
        images: uint8 or float in [0, 255], `[batch, height, width, channels]`; height and width are known.
        count: 1, 2, 5 or 10 views of an image.

    Returns:
        float32 `[count * batch, height, width, channels]` in [0, 255]: the first view of every image, the second of
        every image, and so on.

    Raises:
        ConfigError: there is no set of so many views.
    """
    check_embed_views(count, "count")
    whole = tf.cast(images, tf.float32)
    views = [whole, *_corners(whole)] if count in WITH_CORNERS else [whole]
    views += [view[:, :, ::-1] for view in views] if count in MIRRORED else []
    return tf.concat(views, axis=0)


def average_views(encoder: Encoder, count: int) -> Encoder:
    """Returns an encoder whose embedding is the mean of the embeddings of fixed views (`embedding_views`).

    It is the mean of the embeddings as they are, not of directions: a linear classifier of the mean gives the mean of
    what it gives for the views, and embeddings keep their scale, so that what was made for those of one view (a
    projector, a classifier, a threshold) takes them too.

    All views go through the encoder in one batch, which takes `count` times the time and the memory. With a `count` of
    1 the images go to the encoder as they are.

        >>> mean_color = average_views(keras.layers.GlobalAveragePooling2D(), 5)
        >>> mean_color(tf.zeros([8, 32, 32, 3], tf.uint8)).shape
        TensorShape([8, 3])

    Args:
        encoder: images `[batch, height, width, channels]`, float32 in [0, 255], to embeddings `[batch, features]`; a
            Keras model is called with `training=False`, any other callable as it is.
        count: 1, 2, 5 or 10 views of an image. 2 and 10 have mirror images: for encoders that were trained with flips.

    Returns:
        uint8 or float images in [0, 255], at least one, `[batch, height, width, channels]`, to embeddings
        `[batch, features]`, float32 where there are several views.

    Raises:
        ConfigError: there is no set of so many views.
    """
    check_embed_views(count, "count")
    embed = functools.partial(encoder, training=False) if isinstance(encoder, keras.Model) else encoder
    if count == 1:
        return embed

    def averaged(images: tf.Tensor) -> tf.Tensor:
        embeddings = tf.cast(embed(embedding_views(images, count)), tf.float32)
        return tf.reduce_mean(tf.reshape(embeddings, [count, -1, embeddings.shape[-1]]), axis=0)

    return averaged


def _corners(images: tf.Tensor) -> Iterator[tf.Tensor]:
    height, width = images.shape[1:3]
    rows, columns = (max(1, round(CORNER_SHARE * side)) for side in (height, width))
    for top in (0, height - rows):
        for left in (0, width - columns):
            corner = images[:, top : top + rows, left : left + columns]
            yield tf.image.resize(corner, (height, width), method="bilinear")
