"""Exact search for the most similar embeddings: compares with every one, a few thousand at a time."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.evaluation.directions import directions

QUERIES_AT_ONCE = 1024  # 32 MB of similarities to a part of a collection


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
    return nearest_to_each(parts, query[np.newaxis], top_k)[0]


def nearest_to_each(
    parts: Iterable[npt.NDArray[np.floating]], queries: npt.NDArray[np.floating], top_k: int
) -> list[list[Neighbor]]:
    """Returns what `nearest` does for each of many queries, float [q, dim], in one pass over the embeddings."""
    asked = directions(queries)
    best = np.empty((len(asked), 0), np.float32)
    best_rows = np.empty((len(asked), 0), np.int64)
    before = 0
    for part in parts:
        scaled = directions(part)
        known = np.flatnonzero(np.isfinite(scaled).all(axis=1))
        merged = [
            _merge(best[own], best_rows[own], asked[own] @ scaled[known].T, known + before, top_k)
            for own in (slice(start, start + QUERIES_AT_ONCE) for start in range(0, len(asked), QUERIES_AT_ONCE))
        ]
        best, best_rows = (np.concatenate(arrays) for arrays in zip(*merged, strict=True))
        before += len(part)
    return [
        [Neighbor(int(row), float(similarity)) for row, similarity in zip(rows, similarities, strict=True)]
        for rows, similarities in zip(best_rows, best, strict=True)
    ]


def _merge(
    best: npt.NDArray[np.float32],
    best_rows: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    top_k: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Returns the `top_k` best of those found before and of others, [q, at most top_k] each."""
    both = np.concatenate([best, similarities], axis=1)
    both_rows = np.concatenate([best_rows, np.broadcast_to(rows, similarities.shape)], axis=1)
    order = np.argsort(-both, axis=1, kind="stable")[:, :top_k]
    return np.take_along_axis(both, order, axis=1), np.take_along_axis(both_rows, order, axis=1)
