"""An encoder that a user built, as a description that a run keeps: all that is needed to build it again."""

import json
from typing import Any

import keras

from aag_tf.utils.errors import ConfigError, one_line

Description = dict[str, Any]  # as Keras serializes a model, in the types of JSON


def describe_encoder(model: keras.Model, image_shape: tuple[int, int, int]) -> Description:
    """What `encoder_from` builds the network from; its weights are not part of it.

    Args:
        model: images `[batch, *image_shape]`, uint8 or float in [0, 255], to embeddings `[batch, features]`.
        image_shape: of the images, `(height, width, channels)`.

    Raises:
        ConfigError: the model does not map such images to vectors, has weights that are not float32 or adds to a loss,
            or Keras cannot build it again from its description.
    """
    inputs, outputs = (getattr(model, name, None) for name in ("inputs", "outputs"))
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2:
        raise ConfigError(
            f"the encoder {model.name} does not map one batch of images to one batch of vectors; give a functional or "
            "sequential model that ends with pooling, as GlobalAveragePooling2D."
        )
    taken = tuple(inputs[0].shape[1:])
    if len(taken) != 3 or any(own not in (None, side) for own, side in zip(taken, image_shape, strict=True)):
        raise ConfigError(
            f"the encoder {model.name} takes images of shape {list(taken)}, and those to train on have "
            f"{list(image_shape)}; build it for these, or set image_size."
        )
    _refuse_what_is_not_trained(model)
    try:
        description = json.loads(json.dumps(_less_training(keras.saving.serialize_keras_object(model))))
        again = encoder_from(description)
    except (TypeError, ValueError) as error:  # what is no JSON, or what `encoder_from` says
        raise ConfigError(
            f"the encoder {model.name} cannot be built again from its description ({one_line(error, 200)}); use "
            "built-in layers, or register your own with keras.saving.register_keras_serializable."
        ) from error
    if weight_shapes(again) != weight_shapes(model):
        raise ConfigError(f"the encoder {model.name} has other weights when it is built again; mend its get_config.")
    again(keras.ops.zeros((2, *image_shape), dtype=inputs[0].dtype), training=True)
    if again.losses:  # known once it has been called
        raise ConfigError(
            f"the encoder {model.name} has a layer that calls add_loss, and this training has a loss of its own only; "
            "build it without."
        )
    return description


def _refuse_what_is_not_trained(model: keras.Model) -> None:
    """Refuses what training would pass over or end at."""
    odd = [weight for weight in model.trainable_weights if weight.dtype != "float32"]
    if odd:
        raise ConfigError(
            f"the encoder {model.name} keeps {odd[0].path} in {odd[0].dtype}; build it with float32 weights, which a "
            "mixed policy has too (keras.config.set_dtype_policy('mixed_bfloat16'))."
        )
    regularized = [weight.path for weight in model.trainable_weights if weight.regularizer is not None]
    regularized += [layer.name for layer in model._flatten_layers() if getattr(layer, "activity_regularizer", None)]
    if regularized:
        raise ConfigError(
            f"the encoder {model.name} has a regularizer ({regularized[0]}), which this training does not add to its "
            "loss; build it without, and set weight_decay."
        )


def encoder_from(description: Description) -> keras.Model:
    """A network with new weights, of the current policy where its layers' is a mixed one.

    Its batch normalization is synchronized over replicas.

    Raises:
        ConfigError: Keras cannot build it: it needs code, or classes that are not known here.
    """
    try:
        policy = keras.config.dtype_policy().name
        model = keras.saving.deserialize_keras_object(_in_policy(description, policy), safe_mode=True)
    except Exception as error:  # Keras raises many classes
        raise ConfigError(
            f"the run's own encoder cannot be built here ({one_line(error, 200)}); where it has classes of yours, "
            "import them first, and evaluate and export from Python."
        ) from error
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    return model


def weight_shapes(model: keras.Model) -> list[tuple[int, ...]]:
    """What must be the same for the weights of one network to fit another."""
    return [tuple(weight.shape) for weight in model.weights]


def has_fitted_layers(part: Any) -> bool:
    """Whether a description has a `Normalization` whose mean and variance were measured of images."""
    if isinstance(part, dict):
        own = part.get("class_name") == "Normalization" and part["config"].get("mean") is None
        return own or any(has_fitted_layers(value) for value in part.values())
    return isinstance(part, list) and any(has_fitted_layers(value) for value in part)


def finalize_normalization(network: keras.Model) -> None:
    """Lets layers compute with the weights that a network has just been given.

    Keras's `Normalization` computes with copies of its mean and variance, which it makes when it is built.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _less_training(part: Any) -> Any:
    """Drops what `compile` left: loss, metrics and optimizer, which are no part of an encoder."""
    if isinstance(part, dict):
        return {name: _less_training(value) for name, value in part.items() if name != "compile_config"}
    return [_less_training(value) for value in part] if isinstance(part, list) else part


def _in_policy(part: Any, policy: str) -> Any:
    """A copy (Keras empties what it reads a functional model from) with mixed policies replaced by another."""
    if isinstance(part, dict):
        if part.get("class_name") == "DTypePolicy" and part["config"]["name"].startswith("mixed_"):
            return part | {"config": {"name": policy}}
        return {name: _in_policy(value, policy) for name, value in part.items()}
    return [_in_policy(value, policy) for value in part] if isinstance(part, list) else part
