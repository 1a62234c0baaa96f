"""Finds what is in an embedded collection: similar images, near-duplicates, outliers, and those to label next."""

from aag_tf.export.search.answers import answer
from aag_tf.export.search.near_duplicates import Duplicates, near_duplicates
from aag_tf.export.search.nearest import Neighbor, nearest, nearest_to_each
from aag_tf.export.search.neighbor_similarities import neighbor_similarities, outlier_distances
from aag_tf.export.search.report import CollectionReport
from aag_tf.export.search.search import SearchReport, search
from aag_tf.export.search.selecting import Selection, select_to_label

__all__ = [
    "CollectionReport",
    "Duplicates",
    "Neighbor",
    "SearchReport",
    "Selection",
    "answer",
    "near_duplicates",
    "nearest",
    "nearest_to_each",
    "neighbor_similarities",
    "outlier_distances",
    "search",
    "select_to_label",
]
