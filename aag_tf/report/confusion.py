"""Which classes are confused: the confusion matrix as a table, and its worst pairs in words."""

import dataclasses
from collections.abc import Callable

import numpy as np
from sklearn.metrics import confusion_matrix

from aag_tf.evaluation import Evaluation

MOST_CLASSES = 40  # above, the table is unreadable, and the worst pairs and classes are listed alone
MOST_PAIRS = 10
MOST_PAIRS_ALONE = 25  # of the lists where there is no table
SHORT_NAME = 3  # letters; longer names stand upright at the head of a column
SHADES = 10


@dataclasses.dataclass(frozen=True)
class Pair:
    """Images of class `true` predicted as `predicted`: their number, and their share in [0, 1] of the class."""

    true: str
    predicted: str
    count: int
    share: float


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Predictions against labels.

    Args:
        classifier: that made the predictions.
        names: of the classes, in the order of the matrix.
        counts: images of each class (row) by predicted class (column), int [C, C].
    """

    classifier: str
    names: list[str]
    counts: np.ndarray

    @property
    def has_matrix(self) -> bool:
        """Whether the matrix is small enough to be shown."""
        return len(self.names) <= MOST_CLASSES

    @property
    def has_long_names(self) -> bool:
        """Whether the names at the heads of the columns have to stand upright."""
        return max(map(len, self.names)) > SHORT_NAME

    @property
    def most_pairs(self) -> int:
        """Length of the lists of mistakes and of classes."""
        return MOST_PAIRS if self.has_matrix else MOST_PAIRS_ALONE

    @property
    def shares(self) -> np.ndarray:
        """Each row in shares of its class, float [C, C]; zeros where a class has no images."""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def shades(self) -> np.ndarray:
        """The darkness of each cell from 0 to 9, int [C, C]."""
        return np.minimum((self.shares * SHADES).astype(int), SHADES - 1)

    @property
    def worst_pairs(self) -> list[Pair]:
        """The most frequent mistakes, most frequent first."""
        mistakes = self.counts * ~np.eye(len(self.names), dtype=bool)
        order = np.argsort(-mistakes, axis=None, kind="stable")[: self.most_pairs]
        cells = [divmod(int(cell), len(self.names)) for cell in order]
        return [
            Pair(self.names[row], self.names[column], int(mistakes[row, column]), float(self.shares[row, column]))
            for row, column in cells
            if mistakes[row, column]
        ]

    @property
    def worst_classes(self) -> list[Pair]:
        """The classes with the lowest accuracy, worst first, as pairs of a class with itself."""
        right = np.diagonal(self.shares)
        present = self.counts.sum(axis=1) > 0
        order = [row for row in np.argsort(right, kind="stable") if present[row]][: self.most_pairs]
        return [Pair(self.names[row], self.names[row], int(self.counts[row, row]), float(right[row])) for row in order]


def confuse(evaluation: Evaluation) -> Confusion | None:
    """Returns the confusion of the linear probe, or of kNN where there is no probe; `None` without labels."""
    features = evaluation.feature_set
    if features is None or not features.has_classes:
        return None
    if "linear" in features.protocol.measure_names:
        classifier, predictions = "linear probe", features.probe_predictions
    elif features.has_neighbors:
        classifier, predictions = "kNN classifier", features.knn_predictions
    else:
        return None
    return count_confusions(classifier, features.query_labels, predictions, evaluation.class_name)


def count_confusions(
    classifier: str, labels: np.ndarray, predictions: np.ndarray, class_name: Callable[[int], str]
) -> Confusion:
    """Counts predictions int [m] against labels int [m]."""
    classes = np.union1d(labels, predictions)
    names = [class_name(int(label)) for label in classes]
    return Confusion(classifier, names, confusion_matrix(labels, predictions, labels=classes))
