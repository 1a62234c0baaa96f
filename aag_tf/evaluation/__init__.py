"""Judges an encoder: classifiers on frozen features, measures without labels, robustness, beside baselines."""

from aag_tf.evaluation.bootstrap import mean_interval
from aag_tf.evaluation.candidate import Candidate, Examples
from aag_tf.evaluation.comparison import Comparison, compare
from aag_tf.evaluation.directions import directions
from aag_tf.evaluation.evaluate import evaluate
from aag_tf.evaluation.features import embed, inference, raw_pixels
from aag_tf.evaluation.judge import judge
from aag_tf.evaluation.knn import Neighbors, find_neighbors, knn_accuracy, knn_predict, vote
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import Evaluation, FeatureResult, shown, table, title
from aag_tf.evaluation.unlabeled import alignment, neighbor_purity, rankme, uniformity

__all__ = [
    "Candidate",
    "Comparison",
    "Evaluation",
    "Examples",
    "FeatureResult",
    "LinearProbe",
    "Measure",
    "Neighbors",
    "alignment",
    "compare",
    "directions",
    "embed",
    "evaluate",
    "find_neighbors",
    "fit_linear_probe",
    "inference",
    "judge",
    "knn_accuracy",
    "knn_predict",
    "mean_interval",
    "neighbor_purity",
    "rankme",
    "raw_pixels",
    "shown",
    "table",
    "title",
    "uniformity",
    "vote",
]
