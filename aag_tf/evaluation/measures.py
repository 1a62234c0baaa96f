"""The measures by their names on the command line: each is a function from a feature set to metrics."""

import time
from collections.abc import Callable, Sized

import numpy as np

from aag_tf.data import SelectedImages
from aag_tf.evaluation import unlabeled
from aag_tf.evaluation.accuracy import accuracies, majority, recalls
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.few_labels import few_labels
from aag_tf.evaluation.fine_tune import fine_tune
from aag_tf.evaluation.linear_sgd import linear_sgd
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.evaluation.results import FeatureResult
from aag_tf.evaluation.robustness import robustness
from aag_tf.evaluation.views import main_branch, view

ALIGNMENT_IMAGES = 2_000
UNLABELED_IMAGES = 10_000  # of the queries, evenly spaced: the number of pairs grows with the square


def knn(features: FeatureSet) -> list[Measure]:
    """Accuracy of weighted kNN, and recall among the neighbors where classes have few images."""
    began = time.perf_counter()
    right = features.knn_predictions == features.query_labels
    temperature = features.protocol.knn_temperature
    details = {"k": features.k, "temperature": temperature, "seconds": time.perf_counter() - began}
    return accuracies(features, "knn", right, **details) + recalls(features)


def linear(features: FeatureSet) -> list[Measure]:
    """Accuracy of the linear probe by L-BFGS."""
    began = time.perf_counter()
    right = features.probe_predictions == features.query_labels
    details = {
        "solver": "lbfgs",
        "l2": features.probe.l2,
        "held_out_accuracy": {f"{l2:g}": value for l2, value in features.probe.held_out_accuracy.items()},
        "seconds": time.perf_counter() - began,
    }
    return accuracies(features, "linear", right, **details)


def without_labels(features: FeatureSet) -> list[Measure]:
    """Neighbor purity (only with labels), alignment (only with images), uniformity and effective rank."""
    found = []
    seed = features.protocol.seed
    if features.has_classes:
        purity = unlabeled.neighbor_purity(features.neighbors.rows, features.bank_labels, features.query_labels)
        found.append(mean_measure("neighbor_purity", purity, seed, k=features.k))
    if features.embed is not None and features.queries.images is not None:
        images = features.queries.images
        some = images if len(images) <= ALIGNMENT_IMAGES else SelectedImages(images, _spaced(images, ALIGNMENT_IMAGES))
        branch = main_branch(features.augment, images.shape)
        first, second = (features.embed(view(some, branch, seed, "alignment_view", number)) for number in range(2))
        found.append(Measure("alignment", unlabeled.alignment(first, second), len(some)))
    rows = features.queries.features
    rows = rows[_spaced(rows, UNLABELED_IMAGES)]
    if len(rows) > 1:
        details = {"mean_squared_distance": unlabeled.mean_squared_distance(rows)}
        found.append(Measure("uniformity", unlabeled.uniformity(rows), len(rows), details=details))
    return [*found, Measure("rankme", unlabeled.rankme(rows), len(rows), details={"largest": min(rows.shape)})]


MEASURES: dict[str, Callable[[FeatureSet], list[Measure]]] = {
    "knn": knn,
    "linear": linear,
    "unlabeled": without_labels,
    "linear_sgd": linear_sgd,
    "few_labels": few_labels,
    "fine_tune": fine_tune,
    "robustness": robustness,
}


def measure_all(features: FeatureSet) -> FeatureResult:
    """Applies the measures that `features.protocol` names; a measure that the features do not allow gives no metric.

    Raises:
        EvaluationError: labels are missing or of one class only, or the bank is smaller than `knn_k`.
    """
    measures = [measure for name in features.protocol.measure_names for measure in MEASURES[name](features)]
    if features.protocol.needs_labels:
        measures.insert(0, majority(features))
    return FeatureResult(features.name, features.dim, measures)


def _spaced(rows: Sized, most: int) -> np.ndarray:
    """Returns at most `most` row numbers, evenly spaced, since data sets may be sorted by class."""
    return np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
