"""Encoder and projector of a run together, and the precision policy that they are built under."""

import contextlib
from collections.abc import Iterator

import keras

from aag_tf.config import EncoderConfig, ProjectorConfig
from aag_tf.encoders.build import build_encoder
from aag_tf.encoders.own import Description
from aag_tf.encoders.projector import build_projector


def build_networks(
    encoder: EncoderConfig,
    projector: ProjectorConfig,
    image_shape: tuple[int, int, int],
    own_encoder: Description | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Encoder and projector from the current random state, under the current precision policy.

    Args:
        encoder: names the encoder, unless `own_encoder` describes one.
        projector: settings of the projector.
        image_shape: `(height, width, channels)`.
        own_encoder: what the encoder is built from, where it was handed to `train` as a model.
    """
    network = build_encoder(encoder, image_shape, own_encoder)
    return network, build_projector(projector, network.output_shape[-1])


def untrained_encoder(
    config: EncoderConfig, image_shape: tuple[int, int, int], seed: int = 0, own_encoder: Description | None = None
) -> keras.Model:
    """The encoder with random weights from `seed`, in float32: as training finds it at step 0, if it has no others."""
    with dtype_policy("float32"):
        keras.utils.set_random_seed(seed)
        return build_encoder(config, image_shape, own_encoder)


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers made inside compute as Keras's policy of this name says; the policy outside is as it was."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
