"""Optimizers that move some variables more slowly than others, or only after a while."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.optimizers.lars import EXCLUDED, LARS
from aag_tf.optimizers.muon import Muon


@dataclasses.dataclass(frozen=True)
class LayerRates:
    """How the first of an optimizer's variables are moved; the others have the whole learning rate from the start.

    Args:
        factors: of the learning rate, one for each of these variables.
        wait_steps: first steps in which they stay as they are.
    """

    factors: tuple[float, ...]
    wait_steps: int = 0

    @property
    def change_nothing(self) -> bool:
        """Whether all variables have the whole learning rate at every step."""
        return set(self.factors) <= {1.0} and self.wait_steps == 0


class _Rated(keras.optimizers.Optimizer):
    """Multiplies the learning rate of each variable, in decoupled weight decay too.

    Keras decays weights before an update and by one rate for all, so that decay is done here.
    """

    layer_rates: LayerRates
    decay: float = 0.0

    @override
    def build(self, variables: Sequence[Any]) -> None:
        super().build(variables)
        self._decays = [not any(part in variable.name for part in EXCLUDED) for variable in variables]

    @override
    def update_step(self, gradient: tf.Tensor, variable: Any, learning_rate: Any) -> None:
        index, rates = self._get_variable_index(variable), self.layer_rates
        rate = tf.cast(learning_rate, variable.dtype)
        if index < len(rates.factors):
            rate *= rates.factors[index] * tf.cast(self.iterations >= rates.wait_steps, variable.dtype)
        if self.decay and self._decays[index]:
            self.assign_sub(variable, variable * self.decay * rate)
        super().update_step(gradient, variable, rate)


class RatedAdam(_Rated, keras.optimizers.Adam):
    """Adam with rates of layers and decoupled weight decay."""


class RatedMuon(_Rated, Muon):
    """Muon with rates of layers and decoupled weight decay."""


class RatedSGD(_Rated, keras.optimizers.SGD):
    """SGD with momentum, rates of layers and decoupled weight decay."""


class RatedLARS(_Rated, LARS):
    """LARS with rates of layers; it has a weight decay of its own."""
