"""Builds encoder and projector together, and sets the dtype policy that they are built under."""

import contextlib
from collections.abc import Iterator

import keras

from aag_tf.config import EncoderConfig, ProjectorConfig
from aag_tf.encoders.build import build_encoder
from aag_tf.encoders.custom import Description
from aag_tf.encoders.projector import build_projector


def build_networks(
    encoder: EncoderConfig,
    projector: ProjectorConfig,
    image_shape: tuple[int, int, int],
    custom_encoder: Description | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Builds encoder and projector from the global random state, under the current dtype policy.

    Args:
        encoder: settings of the encoder.
        projector: settings of the projector.
        image_shape: `(height, width, channels)`.
        custom_encoder: description of a custom encoder, which is built instead of the one that `encoder` names.

    Returns:
        Encoder and projector.
    """
    network = build_encoder(encoder, image_shape, custom_encoder)
    return network, build_projector(projector, network.output_shape[-1])


def untrained_encoder(
    config: EncoderConfig, image_shape: tuple[int, int, int], seed: int = 0, custom_encoder: Description | None = None
) -> keras.Model:
    """Builds the encoder in float32 with random weights from `seed`: those that training has at step 0."""
    with dtype_policy("float32"):
        keras.utils.set_random_seed(seed)
        return build_encoder(config, image_shape, custom_encoder)


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Sets Keras's global dtype policy inside the block, and restores it after; also works as a decorator.

    So are two more of Keras's global settings, which `keras.json` may change: images are channels last, and numbers
    without a type float32.
    """
    policy = keras.config.dtype_policy()
    data_format, float_type = keras.config.image_data_format(), keras.config.floatx()
    keras.config.set_dtype_policy(name)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(data_format)
        keras.config.set_floatx(float_type)
