"""Distributions of weights in TensorBoard, for those who ask: every layer's kernel, scale and bias."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.callbacks.step_range import StepRange
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter


class Histograms(Periodic):
    """Writes a histogram of each trainable weight every so often and at the end.

    Args:
        events: where to.
        networks: whose weights, by the name that opens their tags.
        step_range: the steps of this `fit`.
        every: steps between two rounds.
    """

    def __init__(
        self, events: TensorBoardWriter, networks: dict[str, keras.Model], step_range: StepRange, *, every: int
    ) -> None:
        super().__init__(step_range, every=every)
        self.events = events
        self.networks = networks

    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        """Writes a round."""
        for name, network in self.networks.items():
            for weight in network.trainable_variables:
                self.events.write_histogram(f"weights/{name}/{weight.path}", tf.convert_to_tensor(weight), step)
