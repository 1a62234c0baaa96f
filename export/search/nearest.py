"""Exact search for the most similar embeddings: compares with every one, a few thousand at a time."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.evaluation.directions import directions


class Neighbor(NamedTuple):
    """An image that was found.

    Attributes:
        row: of the collection.
        similarity: cosine similarity of its embedding and the query's, -1 to 1.
    """

    row: int
    similarity: float


def nearest(parts: Iterable[npt.NDArray[np.floating]], query: npt.NDArray[np.floating], top_k: int) -> list[Neighbor]:
    """Returns the `top_k` nearest embeddings by cosine similarity, best first; equal ones by row.

    Args:
        parts: embeddings, float [k, dim] each; rows with NaN are skipped.
        query: float [dim], of any norm.
        top_k: number of embeddings; fewer are returned if there are fewer.
    """
    direction = directions(query[np.newaxis])[0]
    best = np.empty(0, np.float32)
    best_rows = np.empty(0, np.int64)
    before = 0
    for part in parts:
        similarities = directions(part) @ direction
        rows = np.flatnonzero(np.isfinite(similarities))
        best = np.concatenate([best, similarities[rows]])
        best_rows = np.concatenate([best_rows, rows + before])
        order = np.argsort(-best, kind="stable")[:top_k]
        best, best_rows = best[order], best_rows[order]
        before += len(part)
    return [Neighbor(int(row), float(similarity)) for row, similarity in zip(best_rows, best, strict=True)]
