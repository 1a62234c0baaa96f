"""The layers of an encoder applied to images of another size, in passes that leave its moving statistics alone."""

import math
from typing import Any

import keras
import tensorflow as tf

from aag_tf.encoders.pooling import CELLS, cells
from aag_tf.utils.errors import ConfigError, one_line


def resized(encoder: keras.Model, size: tuple[int, int]) -> keras.Model:
    """Returns a model of the same layers, and so of the same weights, for images of another size.

    A grid of averages (`--embedding_grid`) is pooled anew, so that embeddings keep their length.

    Args:
        encoder: functional or sequential, from images to embeddings `[batch, features]`.
        size: height and width of the images.

    Raises:
        ConfigError: its layers cannot take such images, or give embeddings of another length for them.
    """
    views = f"auxiliary views of {size[0]}x{size[1]}"
    try:
        network = _over(encoder, (*size, encoder.inputs[0].shape[-1]), encoder.output_shape[-1])
    except Exception as error:  # Keras and layers of others raise many classes
        raise ConfigError(
            f"the encoder {encoder.name} cannot take {views} ({one_line(error, 200)}); set a larger --aux_size, or "
            "leave it out."
        ) from error
    if network.output_shape != encoder.output_shape:
        raise ConfigError(
            f"the encoder {encoder.name} gives {views} embeddings of {network.output_shape[-1]} in place of "
            f"{encoder.output_shape[-1]}; leave out --aux_size, or let the encoder end with pooling, such as "
            "GlobalAveragePooling2D."
        )
    return network


def embed_apart(network: keras.Model, images: tf.Tensor, *, training: bool) -> tf.Tensor:
    """Embeds images of another size than those that are evaluated.

    Batch normalization uses the statistics of these images and does not move its moving ones: evaluation has images of
    full size, whose statistics are others. Random generators (of dropout) move on as usual.

    Args:
        network: of `resized`.
        images: `[batch, height, width, channels]`.
        training: as for a call of the network.

    Returns:
        float32 `[batch, features]`.
    """
    with keras.StatelessScope() as scope:
        embeddings = network(images, training=training)
    for variable in network.non_trainable_variables:
        moved = scope.get_current_value(variable)
        if moved is not None and not variable.dtype.startswith("float"):
            variable.assign(moved)
    return embeddings


def _over(network: keras.Model, shape: tuple[int | None, ...], features: int) -> keras.Model:
    """The layers of a network, and of networks in it, over images of a shape."""
    inputs = keras.Input(shape, dtype=network.inputs[0].dtype, name=network.inputs[0].name)

    def call(layer: keras.Layer, x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, keras.Model):
            layer = _over(layer, x.shape[1:], features)
        elif layer.name == CELLS and isinstance(layer, keras.layers.AveragePooling2D):
            grid = math.isqrt(features // x.shape[-1])
            if min(x.shape[1:3]) < grid:
                raise ValueError(f"--embedding_grid={grid} is finer than its last feature map of them")
            layer = cells(x.shape[1:3], grid)
        return layer(x, *args, **kwargs)

    if isinstance(network, keras.Sequential):
        x = inputs
        for layer in network.layers:
            x = call(layer, x)
        return keras.Model(inputs, x, name=network.name)
    return keras.models.clone_model(
        network, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call
    )
