"""Evaluates the encoder on held-out images while a run goes on."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from typing_extensions import override

from aag_tf.data import Split
from aag_tf.evaluation import directions, fit_linear_probe, inference, knn_accuracy, rankme, uniformity, usual_k
from aag_tf.evaluation.features import embedder
from aag_tf.evaluation.knn import DEFAULT_K
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.step_range import StepRange
from aag_tf.training.writer import Writer
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.log import logger
from aag_tf.utils.progress import no_progress

# Bounds the time of a measurement; enough images for values that move with those of aag-evaluate.
BANK_IMAGES = 10_000
QUERY_IMAGES = 2_000
MOST_CLASSES = 1_000  # of the probe, which takes memory and time for each
MONITOR_SECONDS = "monitor_seconds"  # which every measurement has
L2_GRID = (1e-1, 1e-2, 1e-3)  # of the probe: the part of the full grid that ever wins on so few rows


class EncoderMonitor(Periodic):
    """Embeds a fixed sample of the train and of the held-out split, and evaluates the embeddings.

    Where both have labels, of at least two classes, it reports `knn_accuracy` (weighted kNN, k = 20, or the number of
    images of the median class where that is smaller) and `linear_accuracy` (linear probe by L-BFGS, up to
    `MOST_CLASSES` classes), shares in [0, 1] of the held-out images. With or without labels it reports `effective_rank`
    (RankMe; it falls when the encoder collapses),
    `feature_uniformity` (lower is more spread out) and `embedding_spread` of the held-out embeddings, and
    `monitor_seconds`. Metrics that cannot be computed, for example from NaN, are left out; they never end a run.

    Its time is bounded: it embeds at most 12 000 images and fits four small probes. It only reads weights and draws no
    random numbers, so that training goes on exactly as without it.

        monitor = EncoderMonitor(encoder, train, held_out, [writer], StepRange(0, 10_000, 500), every=500)
        model.fit(batches, callbacks=[monitor])

    Args:
        encoder: the network under training: uint8 images to embeddings [b, d].
        bank: training images; `BANK_IMAGES` of them are used, and only where they have labels.
        queries: held-out images; `QUERY_IMAGES` of them are used.
        writers: each `write(record)` receives `{step, knn_accuracy, ...}`.
        step_range: the steps of this `fit`.
        every: steps between two measurements; the last step of a run is always measured.
    """

    def __init__(
        self,
        encoder: keras.Model,
        bank: Split,
        queries: Split,
        writers: Sequence[Writer],
        step_range: StepRange,
        *,
        every: int,
    ) -> None:
        super().__init__(step_range, every=every)
        self.embedding = inference(encoder, queries.images.shape)
        self.bank = bank.take(BANK_IMAGES)
        self.queries = queries.take(QUERY_IMAGES)
        self.embed_bank, self.embed_queries = embedder(self.bank.images), embedder(self.queries.images)
        self.writers = writers
        self.k = usual_k(self.bank.labels, len(self.bank))
        if self.bank.labels is not None and self.queries.labels is not None and self.k < DEFAULT_K:
            logger.warning(
                "kNN accuracy uses k=%d in place of %d, since half of the classes have no more than %d of the training "
                "images that it looks at.",
                self.k,
                DEFAULT_K,
                self.k,
            )

    @override
    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        self.measure(step)

    @no_progress()
    def measure(self, step: int) -> dict[str, float]:
        """Measures now; returns the record that the writers receive."""
        began = time.perf_counter()
        queries = self.embed_queries(self.embedding)
        record: dict[str, float] = {"step": step}
        if np.isfinite(queries).all() and len(queries) > 1:
            record |= self._by_labels(queries)
            record["effective_rank"] = rankme(queries)
            record["feature_uniformity"] = uniformity(queries)
            record["embedding_spread"] = embedding_spread(queries)
        record[MONITOR_SECONDS] = time.perf_counter() - began
        for writer in self.writers:
            writer.write(record)
        return record

    def _by_labels(self, queries: np.ndarray) -> dict[str, float]:
        labels, truth = self.bank.labels, self.queries.labels
        if labels is None or truth is None or len(np.unique(labels)) < 2:
            return {}
        bank = self.embed_bank(self.embedding)
        try:
            accuracy = knn_accuracy(bank, labels, queries, truth, k=self.k)
            if len(np.unique(labels)) > MOST_CLASSES:
                return {"knn_accuracy": accuracy}
            probe = fit_linear_probe(bank, labels, l2_grid=L2_GRID)
        except EvaluationError:  # the bank holds NaN
            return {}
        return {"knn_accuracy": accuracy, "linear_accuracy": float(np.mean(probe.predict(queries) == truth))}


def embedding_spread(features: np.ndarray) -> float:
    """Root mean square distance of features `[n, dim]`, each scaled to length one, from their mean.

    0 where all images have the same embedding (collapse), 1 where embeddings point evenly in all directions.
    """
    units = directions(features)
    variance = np.mean(np.sum(units**2, axis=1)) - np.sum(units.mean(axis=0) ** 2)
    return float(np.sqrt(max(0.0, variance)))
