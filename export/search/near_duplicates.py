"""Groups of near-duplicates: all pairs of images above a similarity, joined where they have an image in common."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aag_tf.export.search.blocks import Embeddings, blocks, tiles
from aag_tf.utils.progress import progress_bar

ROUNDING = 1e-6  # of float32: a copy has a similarity of 0.9999998 to the original
MOST_WAITING = 4_000_000  # pairs that are held before they are reduced to groups: 80 MB
MOST_PAIRS = 100_000  # that are returned one by one

Rows = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float32]


class Pairs(NamedTuple):
    """Pairs of images.

    Attributes:
        first: rows, int64 [p].
        second: larger rows, int64 [p].
        similarities: cosine similarities, float32 [p].
    """

    first: Rows
    second: Rows
    similarities: Similarities


class Duplicates(NamedTuple):
    """Near-duplicates.

    Attributes:
        groups: rows of each group, int64, ascending; the largest group first, of equal ones that with the smallest row.
        similarities: of each row in a group, float32: the highest to another row.
        num_pairs: number of pairs at or above the threshold.
        pairs: the most similar of them, at most 100 000, the most similar first.
    """

    groups: list[Rows]
    similarities: list[Similarities]
    num_pairs: int
    pairs: Pairs


def near_duplicates(embeddings: Embeddings, threshold: float) -> Duplicates:
    """Finds all pairs whose cosine similarity is at least `threshold`, up to the rounding of float32, and joins them.

    A group is a connected component of the graph of these pairs (single linkage), so two of its images may be less
    similar than the threshold. Every pair is compared: n² · dim operations for n images. Memory: two blocks, 20 bytes a
    pair up to 80 MB, and 12 bytes an image.

    Args:
        embeddings: a collection; rows without embedding, or whose embedding is all zeros, are in no group.
        threshold: above 0, at most 1.
    """
    links = _Links(len(embeddings))
    least = np.float32(threshold - ROUNDING)
    with progress_bar("comparing", len(embeddings), "img") as bar:
        for number, block in enumerate(blocks(embeddings)):
            for other_number, other in enumerate(blocks(embeddings)):
                if other_number < number:  # compared already
                    continue
                for tile in tiles(block, other):
                    first, second = np.nonzero(tile.similarities >= least)
                    similarities = tile.similarities[first, second]
                    found = Pairs(tile.first[first], tile.second[second], similarities)
                    links.add(_taken(found, found.first < found.second))  # each pair once
            bar.update(len(block.rows))
    return links.result()


def _taken(pairs: Pairs, which: npt.NDArray[np.bool_] | Rows) -> Pairs:
    return Pairs(pairs.first[which], pairs.second[which], pairs.similarities[which])


def _joined(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([pairs.first for pairs in parts]),
        np.concatenate([pairs.second for pairs in parts]),
        np.concatenate([pairs.similarities for pairs in parts]),
    )


class _Links:
    """Pairs, which are reduced to groups as they become many.

    Args:
        count: number of images.
    """

    def __init__(self, count: int) -> None:
        self._highest = np.full(count, -np.inf, np.float32)
        self._group = np.arange(count, dtype=np.int64)
        self._waiting: list[Pairs] = []
        self._best = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        self._num_waiting = self._num_pairs = 0

    def add(self, pairs: Pairs) -> None:
        """Takes pairs that were not given before."""
        if len(pairs.first):
            self._waiting.append(pairs)
            self._num_waiting += len(pairs.first)
        if self._num_waiting > MOST_WAITING:
            self._reduce()

    def result(self) -> Duplicates:
        """The groups of all pairs."""
        self._reduce()
        linked = np.flatnonzero(self._highest > -np.inf)
        order = linked[np.argsort(self._group[linked], kind="stable")]
        starts = np.flatnonzero(np.diff(self._group[order], prepend=-1))
        groups = [part for part in np.split(order, starts[1:]) if len(part)]
        groups.sort(key=lambda rows: (-len(rows), rows[0]))
        return Duplicates(groups, [self._highest[rows] for rows in groups], self._num_pairs, self._best)

    def _reduce(self) -> None:
        if not self._waiting:
            return
        pairs = _joined(self._waiting)
        self._waiting, self._num_waiting = [], 0
        self._num_pairs += len(pairs.first)
        for rows in (pairs.first, pairs.second):
            np.maximum.at(self._highest, rows, pairs.similarities)
        count = len(self._group)
        ends = (self._group[pairs.first], self._group[pairs.second])
        graph = coo_array((np.ones(len(pairs.first), np.bool_), ends), shape=(count, count))
        self._group = connected_components(graph, directed=False)[1][self._group].astype(np.int64)
        both = _joined([self._best, pairs])
        order = np.lexsort((both.second, both.first, -both.similarities))
        self._best = _taken(both, order[:MOST_PAIRS])
