"""An encoder as a model of Keras's own layers alone, which opens where this package is not installed."""

from typing import Any

import keras

from aag_tf.encoders.custom import Description, encoder_from, finalize_normalization, to_description
from aag_tf.encoders.networks import dtype_policy
from aag_tf.utils.errors import ConfigError

FUSED = "aag_tf>BatchNorm"  # the registered name of `aag_tf.encoders.BatchNorm`
STOCK = {"module": "keras.layers", "class_name": "BatchNormalization", "registered_name": None}


def plain_encoder(encoder: keras.Model) -> keras.Model:
    """Copies an encoder into a functional model of Keras's own layers, in float32 and with the same weights.

    `keras.models.load_model` opens a file of it in safe mode, without this package. Input and output are those of the
    encoder: `[batch, height, width, channels]`, uint8 or float in [0, 255], to float32 `[batch, features]`; scaling is
    its first layer. Fused batch normalization becomes `keras.layers.BatchNormalization` with the same momentum and
    epsilon, not synchronized, so that other backends of Keras open it too.

    Args:
        encoder: that `build_encoder` or a user built.

    Raises:
        ConfigError: the encoder has a layer of a class that is not Keras's own.
    """
    description = plain_description(encoder)
    with dtype_policy("float32"):
        plain = encoder_from(description)
    for layer in plain._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = False
    plain.set_weights(encoder.get_weights())
    finalize_normalization(plain)
    return plain


def plain_description(encoder: keras.Model) -> Description:
    """Returns the description of `plain_encoder`, from which it is built without weights.

    Raises:
        ConfigError: the encoder has a layer of a class that is not Keras's own.
    """
    description = to_description(encoder)
    foreign = _foreign_class(description)
    if foreign is not None:
        raise ConfigError(
            f"the encoder {encoder.name} uses {foreign}, which is not Keras's own, so that Keras alone cannot open a "
            "file of it; build it of Keras's layers, or save it as it is, and import what it uses before it is "
            "opened."
        )
    return _with_stock_layers(description)


def _with_stock_layers(part: Any) -> Any:
    """Copies a description with Keras's batch normalization in place of the fused one."""
    if isinstance(part, dict):
        copied = {name: _with_stock_layers(value) for name, value in part.items()}
        return copied | STOCK if part.get("registered_name") == FUSED else copied
    return [_with_stock_layers(value) for value in part] if isinstance(part, list) else part


def _foreign_class(part: Any) -> str | None:
    """Returns the name of a class or function in a description that Keras alone does not have."""
    if isinstance(part, dict):
        module = part.get("module", "keras")
        own = part.get("registered_name") == FUSED or str(module).partition(".")[0] == "keras"
        if not own:
            name = part["config"] if part.get("class_name") == "function" else part.get("registered_name")
            return str(name or f"{module}.{part.get('class_name')}")
        part = list(part.values())
    return next(filter(None, map(_foreign_class, part)), None) if isinstance(part, list) else None
