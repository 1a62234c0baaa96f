"""What is evaluated, and on which images: runs, SavedModels and Keras models of anybody, or features from files."""

from aag_tf.evaluation.subjects.feature_files import read_feature_files
from aag_tf.evaluation.subjects.images import AdaptedSource, EvaluationImages, choose_splits, open_adapted, open_images
from aag_tf.evaluation.subjects.subject import Subject, load_subject

__all__ = [
    "AdaptedSource",
    "EvaluationImages",
    "Subject",
    "choose_splits",
    "load_subject",
    "open_adapted",
    "open_images",
    "read_feature_files",
]
