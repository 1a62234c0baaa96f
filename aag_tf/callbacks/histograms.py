"""Distributions of weights in TensorBoard, for those who ask: every layer's kernel, scale and bias."""

from typing import Any

import keras
import tensorflow as tf

from aag_tf.callbacks.position import Span, is_due
from aag_tf.callbacks.tensorboard import TensorBoardWriter


class Histograms(keras.callbacks.Callback):
    """Writes a histogram of each trainable weight every so often and at the end.

    Args:
        events: where to.
        networks: whose weights, by the name that opens their tags.
        span: the steps of this `fit`.
        every: steps between two rounds.
    """

    def __init__(self, events: TensorBoardWriter, networks: dict[str, keras.Model], span: Span, *, every: int) -> None:
        super().__init__()
        self.events = events
        self.networks = networks
        self.span = span
        self.every = every
        self._written = span.start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes where it is due."""
        step = self.span.step(batch)
        if is_due(step, self.every, self._written) or step >= self.span.total_steps:
            self._written = step
            for name, network in self.networks.items():
                for weight in network.trainable_variables:
                    self.events.write_histogram(f"weights/{name}/{weight.path}", tf.convert_to_tensor(weight), step)
