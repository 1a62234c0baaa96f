"""One set of features to its figures: an encoder and its floors are judged by the same classifiers and settings."""

import dataclasses
import time
from typing import NamedTuple

import numpy as np

from aag_tf.config import JudgeConfig
from aag_tf.evaluation.checks import check_features, check_labels, check_not_collapsed
from aag_tf.evaluation.knn import knn_accuracy
from aag_tf.evaluation.linear_probe import fit_linear_probe


class Labelled(NamedTuple):
    """Features float32 [n, d] with labels int [n]."""

    features: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Score:
    """How well a classifier does on one set of features.

    Args:
        name: whose features they are.
        dim: numbers in a feature.
        knn_accuracy: of weighted kNN, in [0, 1].
        linear_accuracy: of the linear probe, in [0, 1].
        linear_l2: the regularisation that the probe chose.
        linear_held_out: {l2: accuracy in [0, 1] on the held-out tenth of the bank} it was chosen by.
        seconds: {"embed", "knn", "linear"}: what the figures cost.
    """

    name: str
    dim: int
    knn_accuracy: float
    linear_accuracy: float
    linear_l2: float
    linear_held_out: dict[float, float]
    seconds: dict[str, float]


def judge(
    name: str,
    bank: Labelled,
    queries: Labelled,
    config: JudgeConfig,
    *,
    embed_seconds: float = 0.0,
    progress: bool = True,
) -> Score:
    """Classifies the queries by the bank.

    Args:
        name: whose features they are.
        bank: what the classifiers learn from.
        queries: what they are judged on.
        config: k and temperature.
        embed_seconds: what the features cost.
        progress: whether long work shows a bar.

    Raises:
        EvaluationError: features or labels cannot be used, or all features are alike.
    """
    check_features(bank.features, f"{name} bank")
    check_not_collapsed(bank.features, f"{name} bank")
    check_features(queries.features, f"{name} query")
    check_labels(queries.labels, queries.features, "query")
    began = time.perf_counter()
    by_neighbours = knn_accuracy(*bank, *queries, k=config.knn_k, temperature=config.knn_temperature)
    between = time.perf_counter()
    probe = fit_linear_probe(*bank, progress=progress)
    linear = float(np.mean(probe.predict(queries.features) == queries.labels))
    seconds = {"embed": embed_seconds, "knn": between - began, "linear": time.perf_counter() - between}
    return Score(name, bank.features.shape[1], by_neighbours, linear, probe.l2, probe.held_out_accuracy, seconds)
