"""Judges an encoder on frozen features: weighted kNN and a linear probe, beside two floors."""

from aag_tf.evaluation.evaluate import evaluate
from aag_tf.evaluation.features import embed, inference, raw_pixels
from aag_tf.evaluation.judge import Labelled, Score, judge
from aag_tf.evaluation.knn import knn_accuracy, knn_predict
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.evaluation.report import Evaluation

__all__ = [
    "Evaluation",
    "Labelled",
    "LinearProbe",
    "Score",
    "embed",
    "evaluate",
    "fit_linear_probe",
    "inference",
    "judge",
    "knn_accuracy",
    "knn_predict",
    "raw_pixels",
]
