"""Evaluates an encoder beside its baselines: classifiers on frozen features, measures without labels, robustness."""

from aag_tf.evaluation.bootstrap import mean_interval
from aag_tf.evaluation.comparison import Comparison, compare
from aag_tf.evaluation.directions import directions
from aag_tf.evaluation.evaluate import evaluate
from aag_tf.evaluation.evaluation import Evaluation
from aag_tf.evaluation.feature_set import Examples, FeatureSet
from aag_tf.evaluation.features import centered_pixels, embed, inference, raw_pixels
from aag_tf.evaluation.knn import Neighbors, find_neighbors, knn_accuracy, knn_predict, usual_k, vote
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.measures import measure_all
from aag_tf.evaluation.output import evaluation_path
from aag_tf.evaluation.plan import plan
from aag_tf.evaluation.results import FeatureResult, shown, table, title
from aag_tf.evaluation.unlabeled import alignment, neighbor_purity, rankme, uniformity
from aag_tf.evaluation.verdict import Against, Verdict, find_verdicts

__all__ = [
    "Against",
    "Comparison",
    "Evaluation",
    "Examples",
    "FeatureResult",
    "FeatureSet",
    "LinearProbe",
    "Measure",
    "Neighbors",
    "Verdict",
    "alignment",
    "centered_pixels",
    "compare",
    "directions",
    "embed",
    "evaluate",
    "evaluation_path",
    "find_neighbors",
    "find_verdicts",
    "fit_linear_probe",
    "inference",
    "knn_accuracy",
    "knn_predict",
    "mean_interval",
    "measure_all",
    "neighbor_purity",
    "plan",
    "rankme",
    "raw_pixels",
    "shown",
    "table",
    "title",
    "uniformity",
    "usual_k",
    "vote",
]
