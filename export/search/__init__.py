"""Search among embedded images: the most similar ones to a picture, exactly or by an index, shown on a page."""

from aag_tf.export.search.nearest import Neighbor, nearest
from aag_tf.export.search.search import SearchReport, search

__all__ = ["Neighbor", "SearchReport", "nearest", "search"]
