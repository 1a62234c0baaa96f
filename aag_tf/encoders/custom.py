"""Custom encoders: Keras models that a user passes to training, as JSON descriptions that a run records."""

import json
from typing import Any

import keras

from aag_tf.utils.errors import ConfigError, one_line

Description = dict[str, Any]  # a model as Keras serializes it, in JSON types


def describe_encoder(model: keras.Model, image_shape: tuple[int, int, int]) -> Description:
    """Returns the description from which `encoder_from` builds the network again, without its weights.

    Args:
        model: maps images `[batch, *image_shape]`, uint8 or float in [0, 255], to embeddings `[batch, features]`.
        image_shape: `(height, width, channels)`.

    Raises:
        ConfigError: the model does not map such images to vectors, has weights that are not float32, adds a loss of its
            own, or cannot be built again from its description.
    """
    inputs, outputs = (getattr(model, name, None) for name in ("inputs", "outputs"))
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2:
        raise ConfigError(
            f"the encoder {model.name} does not map one batch of images to one batch of vectors; give a functional or "
            "sequential model that ends with pooling, such as GlobalAveragePooling2D."
        )
    expected = tuple(inputs[0].shape[1:])
    if len(expected) != 3 or any(size not in (None, side) for size, side in zip(expected, image_shape, strict=True)):
        raise ConfigError(
            f"the encoder {model.name} takes images of shape {list(expected)}, but the training images have "
            f"{list(image_shape)}; build it for that shape, or set image_size."
        )
    _check_trainable(model)
    try:
        description = to_description(model)
        rebuilt = encoder_from(description)
    except (TypeError, ValueError) as error:  # not JSON, or the ConfigError of `encoder_from`
        raise ConfigError(
            f"the encoder {model.name} cannot be built again from its description ({one_line(error, 200)}); use "
            "built-in layers, or register your own with keras.saving.register_keras_serializable."
        ) from error
    if weight_shapes(rebuilt) != weight_shapes(model):
        raise ConfigError(f"the encoder {model.name} has other weights when it is built again; fix its get_config.")
    rebuilt(keras.ops.zeros((2, *image_shape), dtype=inputs[0].dtype), training=True)
    if rebuilt.losses:  # known only after a call
        raise ConfigError(
            f"the encoder {model.name} has a layer that calls add_loss, which this training does not add to its loss; "
            "build it without."
        )
    return description


def to_description(model: keras.Model) -> Description:
    """Returns what Keras serializes of a model in JSON types, without its weights and what it was compiled with.

    Raises:
        TypeError: a part of it is not JSON.
    """
    return json.loads(json.dumps(_without_compile_config(keras.saving.serialize_keras_object(model))))


def _check_trainable(model: keras.Model) -> None:
    """Rejects regularizers and weights that are not float32."""
    others = [weight for weight in model.trainable_weights if weight.dtype != "float32"]
    if others:
        raise ConfigError(
            f"the encoder {model.name} keeps {others[0].path} in {others[0].dtype}; build it with float32 weights, "
            "which a mixed policy has too (keras.config.set_dtype_policy('mixed_bfloat16'))."
        )
    regularized = [weight.path for weight in model.trainable_weights if weight.regularizer is not None]
    regularized += [layer.name for layer in model._flatten_layers() if getattr(layer, "activity_regularizer", None)]
    if regularized:
        raise ConfigError(
            f"the encoder {model.name} has a regularizer ({regularized[0]}), which this training does not add to its "
            "loss; build it without, and set weight_decay."
        )


def encoder_from(description: Description) -> keras.Model:
    """Builds a network with new weights; layers with a mixed dtype policy get the current one.

    Batch normalization becomes synchronized over replicas.

    Raises:
        ConfigError: Keras cannot build it, because it needs code or classes that are not registered.
    """
    try:
        policy = keras.config.dtype_policy().name
        model = keras.saving.deserialize_keras_object(_in_policy(description, policy), safe_mode=True)
    except Exception as error:  # Keras raises many classes
        raise ConfigError(
            f"the run's custom encoder cannot be built here ({one_line(error, 200)}); if it uses your own classes, "
            "import them first, and evaluate and export from Python."
        ) from error
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    return model


def weight_shapes(model: keras.Model) -> list[tuple[int, ...]]:
    """Returns the shapes of all weights; the weights of one network fit another if these are equal."""
    return [tuple(weight.shape) for weight in model.weights]


def has_fitted_layers(part: Any) -> bool:
    """Whether a description has a `Normalization` layer whose mean and variance come from `adapt`."""
    if isinstance(part, dict):
        fitted = part.get("class_name") == "Normalization" and part["config"].get("mean") is None
        return fitted or any(has_fitted_layers(value) for value in part.values())
    return isinstance(part, list) and any(has_fitted_layers(value) for value in part)


def finalize_normalization(network: keras.Model) -> None:
    """Makes `Normalization` layers use weights that were set or loaded after the network was built.

    Keras's `Normalization` computes with copies of its mean and variance, which it makes when it is built.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _without_compile_config(part: Any) -> Any:
    """Removes loss, metrics and optimizer, which `compile` adds."""
    if isinstance(part, dict):
        return {name: _without_compile_config(value) for name, value in part.items() if name != "compile_config"}
    return [_without_compile_config(value) for value in part] if isinstance(part, list) else part


def _in_policy(part: Any, policy: str) -> Any:
    """Copies a description (Keras empties the original) and replaces mixed dtype policies."""
    if isinstance(part, dict):
        if part.get("class_name") == "DTypePolicy" and part["config"]["name"].startswith("mixed_"):
            return part | {"config": {"name": policy}}
        return {name: _in_policy(value, policy) for name, value in part.items()}
    return [_in_policy(value, policy) for value in part] if isinstance(part, list) else part
