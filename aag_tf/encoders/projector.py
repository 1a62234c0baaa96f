"""The projector: a multi-layer perceptron between embedding and loss, which is not used after training."""

import keras

from aag_tf.config import ProjectorConfig
from aag_tf.encoders.batch_norm import BatchNorm


def build_projector(config: ProjectorConfig, input_dim: int) -> keras.Model:
    """Builds an MLP head (Chen et al. 2020, section 4.2).

    Input: `[batch, input_dim]`. Output: float32 `[batch, projector_dim]`, not normalized (the loss normalizes).

    Args:
        config: settings; the depth counts dense layers, so that 1 is a linear head and 0 returns the embedding.
        input_dim: size of the embedding.
    """
    inputs = keras.Input((input_dim,), name="embedding")
    x = inputs
    for index in range(config.projector_depth - 1):
        x = keras.layers.Dense(
            config.projector_width,
            use_bias=not config.projector_batch_norm,
            kernel_initializer="he_normal",
            name=f"hidden{index + 1}",
        )(x)
        if config.projector_batch_norm:
            x = BatchNorm(name=f"hidden{index + 1}_norm")(x)
        x = keras.layers.ReLU(name=f"hidden{index + 1}_relu")(x)
    if config.projector_depth > 0:
        x = keras.layers.Dense(config.projector_dim, use_bias=False, name="output")(x)
    outputs = keras.layers.Activation("linear", dtype="float32", name="projection")(x)
    return keras.Model(inputs, outputs, name="projector")
