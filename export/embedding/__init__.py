"""Bulk embedding: any number of images to Parquet and NumPy files, in bounded memory, and back."""

from aag_tf.export.embedding.collection import Collection, open_collection
from aag_tf.export.embedding.embed import EmbedReport, embed

__all__ = ["Collection", "EmbedReport", "embed", "open_collection"]
