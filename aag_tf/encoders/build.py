"""From an encoder's name to the network."""

import difflib

import keras

from aag_tf.config import OWN, EncoderConfig
from aag_tf.encoders.applications import application, application_names
from aag_tf.encoders.own import Description, encoder_from
from aag_tf.encoders.resnet import RESNETS, resnet
from aag_tf.utils.errors import ConfigError


def build_encoder(
    config: EncoderConfig, image_shape: tuple[int, int, int], own: Description | None = None
) -> keras.Model:
    """The encoder of a run, with new weights.

    Input: `[batch, *image_shape]`, uint8 or float in [0, 255]; scaling is its first layer.
    Output: the embedding, float32 `[batch, features]`.

    Args:
        config: its name and size.
        image_shape: `(height, width, channels)`.
        own: what it is built from in place of `config`.

    Raises:
        ConfigError: no such encoder, or one that cannot take such images.
    """
    if own is not None:
        return encoder_from(own)
    name = config.encoder
    if name == OWN:
        raise ConfigError(
            f"--encoder={OWN} is what a run notes of a model that was handed to train(); hand it over again."
        )
    if name in RESNETS:
        return resnet(name, image_shape, width=config.width, stem=config.stem, grid=config.embedding_grid)
    applications = {application.lower(): application for application in application_names()}
    if name.lower() in applications:
        return application(applications[name.lower()], image_shape, width=config.width, grid=config.embedding_grid)
    known = [*RESNETS, *applications.values()]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    ours = ", ".join(RESNETS)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose {ours} or a keras.applications name."
    raise ConfigError(f"--encoder={name} is not known; {hint}")
