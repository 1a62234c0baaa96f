"""A gallery of nearest neighbors: evaluated images, and the images of the bank that are most similar to each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from aag_tf.data import ShownBands, choose_bands
from aag_tf.evaluation import Evaluation, FeatureSet
from aag_tf.report.thumbnails import thumbnails

QUERIES = 6  # of each kind, classified right and wrong; without labels, twice as many
NEIGHBORS = 8
SEED = 0  # of the queries: drawn by chance, the same for every encoder on the same data


@dataclasses.dataclass(frozen=True)
class Neighbor:
    """An image near a query: its picture, class, cosine similarity, and whether it is of the query's class."""

    picture: str
    name: str
    similarity: float
    same: bool


@dataclasses.dataclass(frozen=True)
class Example:
    """A query, its neighbors, nearest first, and the class they vote for; names are empty where unknown."""

    number: int
    picture: str
    name: str
    predicted: str
    right: bool
    neighbors: list[Neighbor]


def choose_examples(evaluation: Evaluation) -> list[Example]:
    """Draws queries at random, of as many classes as possible: first correctly classified ones, then wrong ones.

    Without labels queries are drawn from all. Without images or neighbors there are none.
    """
    features = evaluation.feature_set
    if features is None or features.bank.images is None or features.queries.images is None:
        return []
    if not features.has_neighbors or features.protocol.split == "train":  # each would be its own neighbor
        return []
    rows = _choose(features)
    pictures = thumbnails(features.queries.images, rows, bands_of(evaluation.data))
    return [_example(evaluation, features, int(row), picture) for row, picture in zip(rows, pictures, strict=True)]


def _example(evaluation: Evaluation, features: FeatureSet, row: int, picture: str) -> Example:
    assert features.bank.images is not None
    nearest, similarities = (values[row, :NEIGHBORS] for values in features.neighbors)

    def name(label: int | None) -> str:
        return "" if label is None else evaluation.class_name(label)

    own = _label(features.queries.labels, row)
    predicted = _label(features.knn_predictions if features.has_classes else None, row)
    neighbors = []
    pictures = thumbnails(features.bank.images, nearest, bands_of(evaluation.data))
    for near, similarity, shown in zip(nearest, similarities, pictures, strict=True):
        label = _label(features.bank.labels, near)
        neighbors.append(Neighbor(shown, name(label), float(similarity), label == own))
    return Example(row, picture, name(own), name(predicted), predicted == own, neighbors)


def bands_of(data: Mapping[str, Any]) -> ShownBands:
    """Returns what pictures show of evaluated images, from the facts about them."""
    return choose_bands(data["image_shape"][2], data.get("shown_bands"))


def _label(labels: np.ndarray | None, row: int) -> int | None:
    return None if labels is None else int(labels[row])


def _choose(features: FeatureSet) -> np.ndarray:
    order = np.random.default_rng(SEED).permutation(len(features.queries.features))
    if not features.has_classes:
        return order[: 2 * QUERIES]
    labels = features.query_labels[order]
    right = features.knn_predictions[order] == labels
    return np.concatenate([order[kind][_spread(labels[kind])] for kind in (right, ~right)])


def _spread(labels: np.ndarray) -> np.ndarray:
    """Returns the places of `QUERIES` labels, taken in turns: one of each class, then a second of each, and so on."""
    seen: dict[int, int] = {}
    turns = np.empty(len(labels), int)
    for place, label in enumerate(labels.tolist()):
        turns[place] = seen[label] = seen.get(label, -1) + 1
    return np.argsort(turns, kind="stable")[:QUERIES]
