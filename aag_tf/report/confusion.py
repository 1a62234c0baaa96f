"""Which classes are taken for which: a confusion matrix as a table, and its worst pairs in words."""

import dataclasses

import numpy as np
from sklearn.metrics import confusion_matrix

from aag_tf.report.material import Material

MOST_CLASSES = 25  # more make a table that nobody reads; the worst pairs and classes are listed instead
MOST_PAIRS = 10
SHADES = 10


@dataclasses.dataclass(frozen=True)
class Pair:
    """Images of class `true` that were taken for `predicted`: how many, and the share of that class in [0, 1]."""

    true: str
    predicted: str
    count: int
    share: float


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Predictions against labels.

    Args:
        classifier: whose predictions.
        names: of the classes, in the order of the matrix.
        counts: int [C, C]: images of class (row) that were called class (column).
    """

    classifier: str
    names: list[str]
    counts: np.ndarray

    @property
    def has_matrix(self) -> bool:
        """Whether the matrix is small enough to be read."""
        return len(self.names) <= MOST_CLASSES

    @property
    def shares(self) -> np.ndarray:
        """Float [C, C]: each row in shares of its class; zeros where a class has no images."""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def shades(self) -> np.ndarray:
        """Int [C, C] from 0 to 9: how dark each cell is."""
        return np.minimum((self.shares * SHADES).astype(int), SHADES - 1)

    @property
    def worst_pairs(self) -> list[Pair]:
        """The mistakes that are made most often, most frequent first."""
        mistakes = self.counts * ~np.eye(len(self.names), dtype=bool)
        order = np.argsort(-mistakes, axis=None, kind="stable")[:MOST_PAIRS]
        cells = [divmod(int(cell), len(self.names)) for cell in order]
        return [
            Pair(self.names[row], self.names[column], int(mistakes[row, column]), float(self.shares[row, column]))
            for row, column in cells
            if mistakes[row, column]
        ]

    @property
    def worst_classes(self) -> list[Pair]:
        """The classes that are recognized least often, worst first, as pairs of a class with itself."""
        right = np.diagonal(self.shares)
        present = self.counts.sum(axis=1) > 0
        order = [row for row in np.argsort(right, kind="stable") if present[row]][:MOST_PAIRS]
        return [Pair(self.names[row], self.names[row], int(self.counts[row, row]), float(right[row])) for row in order]


def confuse(material: Material) -> Confusion | None:
    """The confusion of the linear probe, or that of kNN where there is no probe; `None` without labels."""
    if material.labels is None:
        return None
    if material.probe_predictions is not None:
        return _confuse("linear probe", material, material.labels, material.probe_predictions)
    if material.knn_predictions is not None:
        return _confuse("kNN classifier", material, material.labels, material.knn_predictions)
    return None


def _confuse(classifier: str, material: Material, labels: np.ndarray, predictions: np.ndarray) -> Confusion:
    classes = np.union1d(labels, predictions)
    names = [material.name(int(label)) for label in classes]
    return Confusion(classifier, names, confusion_matrix(labels, predictions, labels=classes))
