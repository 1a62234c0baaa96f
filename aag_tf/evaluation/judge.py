"""One set of features to its figures: an encoder and its baselines are judged by the same measures and settings."""

import time
from collections.abc import Callable, Sized

import numpy as np

from aag_tf.data import SelectedImages
from aag_tf.evaluation import unlabeled
from aag_tf.evaluation.candidate import Candidate
from aag_tf.evaluation.few_labels import few_labels
from aag_tf.evaluation.fine_tune import fine_tune
from aag_tf.evaluation.linear_sgd import linear_sgd
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.evaluation.results import FeatureResult
from aag_tf.evaluation.robustness import robustness
from aag_tf.evaluation.views import main_branch, view

ALIGNMENT_IMAGES = 2_000
UNLABELED_IMAGES = 10_000  # of the judged ones, evenly spaced: pairs grow with the square


def knn(candidate: Candidate) -> list[Measure]:
    """Accuracy of weighted kNN."""
    began = time.perf_counter()
    right = candidate.knn_predictions == candidate.query_labels
    config = candidate.config
    details = {"k": config.knn_k, "temperature": config.knn_temperature, "seconds": time.perf_counter() - began}
    return [mean_measure("knn", right, config.seed, **details)]


def linear(candidate: Candidate) -> list[Measure]:
    """Accuracy of the linear probe by L-BFGS."""
    began = time.perf_counter()
    right = candidate.probe_predictions == candidate.query_labels
    details = {
        "solver": "lbfgs",
        "l2": candidate.probe.l2,
        "held_out_accuracy": {f"{l2:g}": value for l2, value in candidate.probe.held_out_accuracy.items()},
        "seconds": time.perf_counter() - began,
    }
    return [mean_measure("linear", right, candidate.config.seed, **details)]


def without_labels(candidate: Candidate) -> list[Measure]:
    """Neighbor purity where there are labels, alignment where there are images, uniformity and effective rank."""
    found = []
    seed = candidate.config.seed
    if candidate.bank.labels is not None and candidate.queries.labels is not None:
        purity = unlabeled.neighbor_purity(candidate.neighbors.rows, candidate.bank.labels, candidate.queries.labels)
        found.append(mean_measure("neighbor_purity", purity, seed, k=candidate.config.knn_k))
    if candidate.embed is not None and candidate.queries.images is not None:
        images = candidate.queries.images
        some = images if len(images) <= ALIGNMENT_IMAGES else SelectedImages(images, _spaced(images, ALIGNMENT_IMAGES))
        branch = main_branch(candidate.augment, images.shape)
        first, second = (candidate.embed(view(some, branch, seed, "alignment_view", number)) for number in range(2))
        found.append(Measure("alignment", unlabeled.alignment(first, second), len(some)))
    rows = candidate.queries.features
    rows = rows[_spaced(rows, UNLABELED_IMAGES)]
    if len(rows) > 1:
        found.append(Measure("uniformity", unlabeled.uniformity(rows), len(rows)))
    return [*found, Measure("rankme", unlabeled.rankme(rows), len(rows), details={"largest": min(rows.shape)})]


MEASURES: dict[str, Callable[[Candidate], list[Measure]]] = {
    "knn": knn,
    "linear": linear,
    "unlabeled": without_labels,
    "linear_sgd": linear_sgd,
    "few_labels": few_labels,
    "fine_tune": fine_tune,
    "robustness": robustness,
}


def judge(candidate: Candidate) -> FeatureResult:
    """The figures that `candidate.config.measures` asks for, as far as these features allow them.

    Raises:
        EvaluationError: there is one class only, or fewer labeled images than neighbors.
    """
    measures = [measure for name in candidate.config.measure_names for measure in MEASURES[name](candidate)]
    return FeatureResult(candidate.name, candidate.dim, measures)


def _spaced(rows: Sized, most: int) -> np.ndarray:
    """At most so many row numbers, evenly spaced: data sets may lie sorted by class."""
    return np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
