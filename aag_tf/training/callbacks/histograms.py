"""Histograms of weights in TensorBoard: every layer's kernel, scale and bias."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter
from aag_tf.training.step_range import StepRange


class Histograms(Periodic):
    """Writes a histogram of each trainable weight at regular steps and at the end.

    Args:
        events: receives the histograms.
        networks: by the prefix of their tags.
        step_range: the steps of this `fit`.
        every: steps between two rounds.
    """

    def __init__(
        self, events: TensorBoardWriter, networks: dict[str, keras.Model], step_range: StepRange, *, every: int
    ) -> None:
        super().__init__(step_range, every=every)
        self.events = events
        self.networks = networks

    @override
    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        for name, network in self.networks.items():
            for weight in network.trainable_variables:
                self.events.write_histogram(f"weights/{name}/{weight.path}", tf.convert_to_tensor(weight), step)
