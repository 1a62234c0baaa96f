"""kNN accuracy on held-out training data while a run goes on: the figure that tells whether it is worth waiting."""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aag_tf.callbacks.position import Span, is_due
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
        writers: receive `{step, knn_accuracy, knn_seconds, embedding_spread}`.
        span: the steps of this `fit`.
        every: steps between two measurements; the last step of a run is always measured.
    """

    def __init__(
        self,
        encoder: keras.Model,
        bank: Split,
        queries: Split,
        writers: Sequence[Writer],
        span: Span,
        *,
        every: int,
    ) -> None:
        super().__init__()
        self.embedding = inference(encoder, bank.images.shape)
        self.bank = bank.take(BANK_IMAGES)
        self.queries = queries.take(QUERY_IMAGES)
        self.writers = writers
        self.span = span
        self.every = every
        self._measured = span.start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures where it is due."""
        step = self.span.step(batch)
        if is_due(step, self.every, self._measured) or step >= self.span.total_steps:
            self._measured = step
            self.measure(step)

    def measure(self, step: int) -> float:
        """Runs the measurement now; returns the accuracy in [0, 1]."""
        began = time.perf_counter()
        bank, queries = self._features_and_labels(self.bank), self._features_and_labels(self.queries)
        accuracy = knn_accuracy(*bank, *queries)
        record = {
            "step": step,
            "knn_accuracy": accuracy,
            "knn_seconds": time.perf_counter() - began,
            "embedding_spread": embedding_spread(queries[0]),
        }
        for writer in self.writers:
            writer.write(record)
        return accuracy

    def _features_and_labels(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        assert split.labels is not None
        return embed(self.embedding, split.images, progress=False), split.labels


def embedding_spread(features: np.ndarray) -> float:
    """Root mean square distance of `[n, dim]` features from their mean, each scaled to length one.

    0 where all images have the same embedding (collapse), 1 where embeddings point evenly in all directions.
    """
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return float(np.sqrt(max(0.0, 1.0 - np.sum(directions.mean(axis=0) ** 2))))
