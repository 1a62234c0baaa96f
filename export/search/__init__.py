"""Finds the embedded images most similar to a picture, exactly or with an index, and shows them on a web page."""

from aag_tf.export.search.nearest import Neighbor, nearest
from aag_tf.export.search.search import SearchReport, search

__all__ = ["Neighbor", "SearchReport", "nearest", "search"]
