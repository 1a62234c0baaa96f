"""Temperatures: numbers, tensors, variables, and one that is learned and cannot leave its bounds."""

import math
from typing import Any, Union

import keras
import tensorflow as tf

from aag_tf.config import LEARNED_TEMPERATURE_MAXIMUM, LossConfig, check_setting
from aag_tf.utils.errors import ConfigError

MINIMUM = 0.01  # CLIP's lower bound: logits scaled by at most 100 (Radford et al. 2021, section 2.5)

Temperature = Union[float, tf.Tensor, tf.Variable, keras.Variable, "LearnedTemperature"]


@keras.saving.register_keras_serializable(package="aag_tf")
class LearnedTemperature(keras.layers.Layer):
    """One trainable scalar, the logarithm of the temperature, held in `[log minimum, log maximum]`.

    The optimizer's step is projected back onto the bounds (a Keras constraint), so that the variable never drifts to
    where its gradient would vanish. A model that trains it must hold it as an attribute, for Keras tracks layers and
    not losses. It takes a subclassed model for that: in a sequential or functional one Keras trains the layers of the
    graph only. After `keras.saving.load_model` the loss holds another one, to be set as the attribute again.

        model.temperature = LearnedTemperature(0.2)
        model.compile(optimizer, loss=GNTXent(temperature=model.temperature))

    Args:
        initial: where learning starts, in `[minimum, maximum]`.
        minimum: above 0.
        maximum: at least `minimum`.

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
        """Creates the variable; `kwargs` go to `keras.layers.Layer`."""
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
        """The temperature as a float32 scalar, differentiable on the whole of its range, both ends included."""
        return tf.exp(self._within_bounds(tf.convert_to_tensor(self.log_temperature)))

    def get_config(self) -> dict:
        """Arguments of the constructor; the learned value belongs to the weights."""
        return {**super().get_config(), "initial": self.initial, "minimum": self.minimum, "maximum": self.maximum}


def check_temperature(temperature: Temperature) -> None:
    """Refuses a value that is known now and is not a positive number.

    Raises:
        ConfigError: with what was passed and what is allowed.
    """
    if isinstance(temperature, LearnedTemperature):
        return
    if not isinstance(temperature, int | float):
        tensor = tf.convert_to_tensor(temperature)
        if tensor.shape.rank != 0:
            raise ConfigError(f"a temperature of shape {tensor.shape} is not a scalar; give one positive number.")
        if not hasattr(tensor, "numpy"):
            return  # symbolic, in a graph: `as_temperature` looks at it when it runs
        temperature = float(tensor)
    check_setting(LossConfig, "temperature", temperature)


def as_temperature(temperature: Temperature, dtype: tf.DType) -> tf.Tensor:
    """The temperature as a scalar tensor, differentiable where it is a tensor, a variable or learned.

    Raises:
        ConfigError: it is not positive; for a tensor in a graph that is `tf.errors.InvalidArgumentError`, as it runs.
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
    """What a Keras config records: the number, a variable's present value, or how a learned one was built."""
    if isinstance(temperature, LearnedTemperature):
        return keras.saving.serialize_keras_object(temperature)
    return float(temperature)
