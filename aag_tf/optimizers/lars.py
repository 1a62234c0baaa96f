"""LARS, layer-wise adaptive rate scaling (You, Gitman, Ginsburg 2017, arXiv 1708.03888), which Keras lacks."""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

# Neither decayed nor rescaled: batch norm and biases, as in SimCLR, and a learned temperature.
EXCLUDED = ("bias", "gamma", "beta", "log_temperature")


@keras.saving.register_keras_serializable(package="aag_tf")
class LARS(keras.optimizers.Optimizer):
    """SGD with momentum whose step for each variable is scaled by the norm of its weights.

        g ← g + weight_decay · w
        m ← momentum · m + learning_rate · trust · ‖w‖ / ‖g‖ · g
        w ← w − m

    If `‖w‖` or `‖g‖` is zero, and for excluded variables, the factor `trust · ‖w‖ / ‖g‖` is 1. Excluded variables are
    not decayed.

        >>> LARS(0.3, momentum=0.9, weight_decay=1e-4).name
        'lars'

    Args:
        learning_rate: global learning rate or schedule; values of 0.3 and more per 256 images are usual.
        momentum: in [0, 1).
        weight_decay: L2 coefficient, inside the trust ratio as in the paper.
        trust_coefficient: `trust` above, η in the paper.
        exclude: substrings of the names of variables without rescaling and decay.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        *,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        trust_coefficient: float = 1e-3,
        exclude: tuple[str, ...] = EXCLUDED,
        name: str = "lars",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.l2 = weight_decay  # not `weight_decay`: the base class would apply it once more, decoupled
        self.trust_coefficient = trust_coefficient
        self.exclude = tuple(exclude)

    @override
    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")
        self._adapted = [not any(part in variable.name for part in self.exclude) for variable in variables]

    @override
    def update_step(self, gradient: tf.Tensor, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        momentum = self._momentums[index]
        rate = tf.cast(learning_rate, variable.dtype)
        gradient = tf.cast(gradient, variable.dtype)
        if self._adapted[index]:
            gradient += self.l2 * variable
            weight_norm, gradient_norm = tf.norm(variable), tf.norm(gradient)
            moving = (weight_norm > 0) & (gradient_norm > 0)
            rate *= tf.where(moving, self.trust_coefficient * tf.math.divide_no_nan(weight_norm, gradient_norm), 1.0)
        self.assign(momentum, self.momentum * momentum + rate * gradient)
        self.assign_sub(variable, momentum)

    @override
    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "momentum": self.momentum,
            "weight_decay": self.l2,
            "trust_coefficient": self.trust_coefficient,
            "exclude": self.exclude,
        }
