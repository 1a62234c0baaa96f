"""Temperatures of the loss: numbers, tensors, variables, and one that is learned within bounds."""

import math
from typing import Any, Union

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import LEARNED_TEMPERATURE_MAXIMUM, LossConfig, check_setting
from aag_tf.utils.errors import ConfigError

MINIMUM = 0.01  # CLIP's lower bound: logits scaled by at most 100 (Radford et al. 2021, section 2.5)

Temperature = Union[float, tf.Tensor, tf.Variable, keras.Variable, "LearnedTemperature"]


@keras.saving.register_keras_serializable(package="aag_tf")
class LearnedTemperature(keras.layers.Layer):
    """A trainable scalar: the logarithm of the temperature, clipped to `[log minimum, log maximum]`.

    A Keras constraint projects each optimizer step back onto the bounds, so that the variable never drifts to where its
    gradient would vanish. The model that trains it must be a subclassed model with the layer as an attribute: Keras
    tracks layers and not losses, and in a sequential or functional model only the layers of its graph. After
    `keras.saving.load_model` the loss holds a new layer, which must be assigned to the attribute again.

        >>> model = keras.Model()
        >>> model.temperature = LearnedTemperature(0.2)
        >>> round(float(model.temperature.value()), 6)
        0.2

    Then `model.compile(optimizer, loss=GNTXent(temperature=model.temperature))` learns it. It has no `call`; `value()`
    is a float32 scalar.

    Args:
        initial: initial temperature, in `[minimum, maximum]`.
        minimum: lower bound, above 0.
        maximum: upper bound, at least `minimum`.
        **kwargs: of `keras.layers.Layer`.

    Reference: Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*, 2021.

    Raises:
        ConfigError: the bounds are not ordered as above.
    """

    def __init__(
        self,
        initial: float = LossConfig.temperature,
        minimum: float = MINIMUM,
        maximum: float = LEARNED_TEMPERATURE_MAXIMUM,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < minimum <= initial <= maximum < math.inf:
            raise ConfigError(
                f"a learned temperature needs 0 < minimum <= initial <= maximum, but minimum is {minimum:g}, "
                f"initial {initial:g} and maximum {maximum:g}; move initial between the bounds."
            )
        self.initial, self.minimum, self.maximum = initial, minimum, maximum
        self.log_temperature = self.add_weight(
            name="log_temperature",
            shape=(),
            dtype="float32",
            initializer=keras.initializers.Constant(math.log(initial)),
            constraint=self._within_bounds,
            aggregation="mean",  # replicas apply the constraint to the same value
        )
        self.built = True

    def _within_bounds(self, logarithm: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(logarithm, math.log(self.minimum), math.log(self.maximum))

    def value(self) -> tf.Tensor:
        """Returns the temperature as a float32 scalar, differentiable on the closed range."""
        return tf.exp(self._within_bounds(tf.convert_to_tensor(self.log_temperature)))

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial": self.initial, "minimum": self.minimum, "maximum": self.maximum}


def check_temperature(temperature: Temperature) -> None:
    """Checks that the temperature is a positive scalar, if its value is known already.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(temperature, LearnedTemperature):
        return
    if not isinstance(temperature, int | float):
        tensor = tf.convert_to_tensor(temperature)
        if tensor.shape.rank != 0:
            raise ConfigError(f"a temperature of shape {tensor.shape} is not a scalar; give one positive number.")
        if not hasattr(tensor, "numpy"):
            return  # symbolic: `as_temperature` checks it when the graph runs
        temperature = float(tensor)
    check_setting(LossConfig, "temperature", temperature)


def as_temperature(temperature: Temperature, dtype: tf.DType) -> tf.Tensor:
    """Returns the temperature as a scalar tensor, differentiable if it is a tensor, a variable or learned.

    Raises:
        ConfigError: it is not positive.
        tf.errors.InvalidArgumentError: the same for a symbolic tensor, when the graph runs.
    """
    check_temperature(temperature)
    if isinstance(temperature, LearnedTemperature):
        return tf.cast(temperature.value(), dtype)
    if isinstance(temperature, int | float):
        return tf.constant(temperature, dtype)
    tensor = tf.convert_to_tensor(temperature)
    if not tf.executing_eagerly():
        tf.debugging.assert_positive(tensor, "temperature is out of range; use a positive number such as 0.2.")
    return tf.cast(tensor, dtype)


def temperature_config(temperature: Temperature) -> float | dict[str, Any]:
    """Returns what a Keras config stores: the number, a variable's current value, or the config of a learned one."""
    if isinstance(temperature, LearnedTemperature):
        return keras.saving.serialize_keras_object(temperature)
    return float(temperature)
