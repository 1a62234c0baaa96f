"""Exports encoders as SavedModels, verified in a fresh process before they are published; embeds and searches."""

from aag_tf.export.export import ExportReport, export
from aag_tf.export.verify import Verification
from aag_tf.runs.exported import SavedEncoder, load_saved_model

__all__ = ["ExportReport", "SavedEncoder", "Verification", "export", "load_saved_model"]
