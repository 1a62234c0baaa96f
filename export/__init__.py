"""Encoder to SavedModel: a checked signature, atomic versions, and a proof in a fresh process before publishing."""

from aag_tf.export.export import ExportReport, export
from aag_tf.export.verify import Verification
from aag_tf.runs.exported import SavedEncoder, load_saved_model

__all__ = ["ExportReport", "SavedEncoder", "Verification", "export", "load_saved_model"]
