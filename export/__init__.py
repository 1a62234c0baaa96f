"""Exports encoders and classifiers as SavedModels, verified before they are published; embeds, searches, predicts."""

from aag_tf.export.classifier import ClassifierReport, export_classifier
from aag_tf.export.export import ExportReport, export
from aag_tf.export.verify import Verification
from aag_tf.runs.exported import SavedEncoder, load_saved_model

__all__ = [
    "ClassifierReport",
    "ExportReport",
    "SavedEncoder",
    "Verification",
    "export",
    "export_classifier",
    "load_saved_model",
]
