"""Nearest neighbors to look at: images that were judged, and the labeled images that the encoder finds most alike."""

import dataclasses

import numpy as np

from aag_tf.report.material import Material
from aag_tf.report.thumbnails import thumbnails

QUERIES = 6  # of each kind, classified right and wrong; without labels, twice as many of one kind
NEIGHBORS = 8
SEED = 0  # which queries are shown: chance, not taste, and the same ones for every encoder on the same data


@dataclasses.dataclass(frozen=True)
class Neighbor:
    """A labeled image near a query: its picture, class, cosine similarity, and whether it is of the query's class."""

    picture: str
    name: str
    similarity: float
    same: bool


@dataclasses.dataclass(frozen=True)
class Example:
    """A query with its neighbors, nearest first, and what they vote for; names are empty where unknown."""

    number: int
    picture: str
    name: str
    predicted: str
    right: bool
    neighbors: list[Neighbor]


def choose_examples(material: Material) -> list[Example]:
    """Queries drawn by chance, of as many classes as possible: first those classified right, then those wrong.

    Without labels or predictions nothing is right or wrong, and queries are drawn from all. Without images, none.
    """
    if material.images is None or material.bank_images is None or material.neighbors is None:
        return []
    rows = _choose(material)
    pictures = thumbnails(material.images, rows)
    return [_example(material, int(row), picture) for row, picture in zip(rows, pictures, strict=True)]


def _example(material: Material, row: int, picture: str) -> Example:
    assert material.neighbors is not None
    assert material.similarities is not None
    assert material.bank_images is not None
    nearest = material.neighbors[row, :NEIGHBORS]
    similarities = material.similarities[row, :NEIGHBORS]
    own, called = _label(material.labels, row), _label(material.knn_predictions, row)
    neighbors = []
    for near, similarity, shown in zip(nearest, similarities, thumbnails(material.bank_images, nearest), strict=True):
        label = _label(material.bank_labels, near)
        neighbors.append(Neighbor(shown, _name(material, label), float(similarity), label == own))
    return Example(row, picture, _name(material, own), _name(material, called), called == own, neighbors)


def _label(labels: np.ndarray | None, row: int) -> int | None:
    return None if labels is None else int(labels[row])


def _name(material: Material, label: int | None) -> str:
    return "" if label is None else material.name(label)


def _choose(material: Material) -> np.ndarray:
    order = np.random.default_rng(SEED).permutation(len(material.features))
    if material.labels is None or material.knn_predictions is None:
        return order[: 2 * QUERIES]
    labels = material.labels[order]
    right = material.knn_predictions[order] == labels
    return np.concatenate([order[kind][_spread(labels[kind])] for kind in (right, ~right)])


def _spread(labels: np.ndarray) -> np.ndarray:
    """Places of the first `QUERIES` labels, if every class has to wait until each other one has had its turn."""
    seen: dict[int, int] = {}
    turns = np.empty(len(labels), int)
    for place, label in enumerate(labels.tolist()):
        turns[place] = seen[label] = seen.get(label, -1) + 1
    return np.argsort(turns, kind="stable")[:QUERIES]
