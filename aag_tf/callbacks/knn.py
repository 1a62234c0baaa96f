"""kNN accuracy on held-out training data while a run goes on: the figure that tells whether it is worth waiting."""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aag_tf.callbacks.position import steps_done
from aag_tf.callbacks.step_log import Writer
from aag_tf.data import Split
from aag_tf.evaluation import embed, inference, knn_accuracy

BANK_IMAGES = 10_000  # enough for a figure that moves with the full one, and seconds of work
QUERY_IMAGES = 2_000


class KnnMonitor(keras.callbacks.Callback):
    """Embeds a fixed part of train and of the held-out split, and reports the accuracy of weighted kNN.

    Args:
        encoder: the network under training.
        bank: labelled training images; `BANK_IMAGES` of them are used.
        queries: labelled held-out images; `QUERY_IMAGES` of them are used.
        writers: receive `{step, knn_accuracy, knn_seconds}`.
        every: steps between two measurements; the last step of a run is always measured.
        total_steps: steps of the whole run.
    """

    def __init__(
        self,
        encoder: keras.Model,
        bank: Split,
        queries: Split,
        writers: Sequence[Writer],
        *,
        every: int,
        total_steps: int,
    ) -> None:
        super().__init__()
        self.embedding = inference(encoder, bank.images.shape)
        self.bank = bank.take(BANK_IMAGES)
        self.queries = queries.take(QUERY_IMAGES)
        self.writers = writers
        self.every = every
        self.total_steps = total_steps
        self._measured = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes the position of a resumed run as measured."""
        self._measured = steps_done(self.model.optimizer)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures where it is due."""
        step = steps_done(self.model.optimizer)
        if step // self.every > self._measured // self.every or step >= self.total_steps:
            self._measured = step
            self.measure(step)

    def measure(self, step: int) -> float:
        """Runs the measurement now; returns the accuracy in [0, 1]."""
        began = time.perf_counter()
        accuracy = knn_accuracy(
            *self._features_and_labels(self.bank),
            *self._features_and_labels(self.queries),
        )
        record = {"step": step, "knn_accuracy": accuracy, "knn_seconds": time.perf_counter() - began}
        for writer in self.writers:
            writer.write(record)
        return accuracy

    def _features_and_labels(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        assert split.labels is not None
        return embed(self.embedding, split.images, progress=False), split.labels
