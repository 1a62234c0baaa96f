"""Builds an encoder by its name."""

import keras

from aag_tf.config import EncoderConfig, check_encoder
from aag_tf.config.checks import require
from aag_tf.encoders.applications import application, application_names
from aag_tf.encoders.custom import Description, encoder_from
from aag_tf.encoders.resized import resized
from aag_tf.encoders.resnet import RESNETS, resnet, smallest_side
from aag_tf.utils.errors import ConfigError


def build_encoder(
    config: EncoderConfig, image_shape: tuple[int, int, int], custom: Description | None = None
) -> keras.Model:
    """Builds an encoder with new weights.

    Input: `[batch, *image_shape]`, uint8 or float in [0, 255]; scaling is its first layer.
    Output: the embedding, float32 `[batch, features]`.

    Args:
        config: name and size of the encoder.
        image_shape: `(height, width, channels)`.
        custom: description of a custom encoder, which is built instead.

    Raises:
        ConfigError: there is no such encoder, it cannot take such images, or Keras's images are channels first.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ConfigError(
            "encoders take images channels last, and Keras is set to channels first; call "
            'keras.config.set_image_data_format("channels_last") before.'
        )
    if custom is not None:
        return encoder_from(custom)
    name = config.encoder
    applications = {application.lower(): application for application in application_names()}
    check_encoder(name, RESNETS, applications.values())
    if name in RESNETS:
        require(
            config.input_range != "imagenet",
            f"--input_range=imagenet is for models of keras.applications, and --encoder={name} is none; leave it out.",
        )
        return resnet(name, image_shape, width=config.width, stem=config.stem, grid=config.embedding_grid)
    return application(
        applications[name.lower()],
        image_shape,
        width=config.width,
        grid=config.embedding_grid,
        input_range=config.input_range,
    )


def encoder_of_views(encoder: keras.Model, config: EncoderConfig, size: tuple[int, int]) -> keras.Model:
    """Returns an encoder for auxiliary views of another size than images: a model of the same layers.

    Args:
        encoder: of `build_encoder`.
        config: name and size of the encoder.
        size: height and width of the views.

    Raises:
        ConfigError: it cannot take such views.
    """
    if config.encoder in RESNETS:
        least = smallest_side(encoder.input_shape[1:], config.stem)
        require(
            min(size) >= least,
            f"auxiliary views of {size[0]}x{size[1]} are too small for --encoder={config.encoder}, whose stem for "
            f"these images takes {least} pixels or more a side; set --aux_size={least} or more, or leave it out.",
        )
    return resized(encoder, size)
