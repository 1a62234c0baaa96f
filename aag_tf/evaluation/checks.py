"""Rejects features and labels that cannot be evaluated, before any work is spent on them."""

import numpy as np

from aag_tf.config import ProtocolConfig
from aag_tf.utils.errors import EvaluationError


def check_features(features: np.ndarray, owner: str) -> None:
    """Checks that features are a finite [n, d] matrix with at least one row.

    Args:
        features: the array to check.
        owner: names the features in the message ("bank", "query", ...).

    Raises:
        EvaluationError: they are not.
    """
    if features.ndim != 2 or 0 in features.shape:
        raise EvaluationError(
            f"the {owner} features have shape {list(features.shape)}; give at least one row of features as [n, d]."
        )
    broken = int((~np.isfinite(features).all(axis=1)).sum())
    if broken:
        raise EvaluationError(
            f"{broken} of {len(features)} {owner} features contain NaN or infinity, which no classifier can use; "
            "train the encoder again at a lower learning rate, or take an earlier checkpoint."
        )


def check_labels(labels: np.ndarray, features: np.ndarray, owner: str) -> None:
    """Checks that labels are integers, one for each row of features.

    Raises:
        EvaluationError: they are not.
    """
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 1:
        raise EvaluationError(
            f"the {owner} labels are {labels.dtype} of shape {list(labels.shape)}; give one integer for each image."
        )
    if len(labels) != len(features):
        raise EvaluationError(
            f"there are {len(labels)} {owner} labels for {len(features)} {owner} features; give one label for each row."
        )


def check_not_collapsed(features: np.ndarray, owner: str) -> None:
    """Checks that features differ from image to image.

    Raises:
        EvaluationError: all rows are equal up to rounding.
    """
    highest, lowest = features.max(axis=0), features.min(axis=0)
    if (highest - lowest <= 1e-6 * np.maximum(np.abs(highest), np.abs(lowest))).all():
        raise EvaluationError(
            f"all {len(features)} {owner} features are equal, so the encoder has collapsed (or its weights are NaN); "
            "train it again at a lower learning rate, or take an earlier checkpoint."
        )


def check_same_size(bank: np.ndarray, queries: np.ndarray) -> None:
    """Checks that both sets of features have the same length, as those of one encoder do.

    Raises:
        EvaluationError: their lengths differ.
    """
    if bank.shape[1] != queries.shape[1]:
        raise EvaluationError(
            f"bank features have length {bank.shape[1]} and query features {queries.shape[1]}; "
            "embed both with one encoder."
        )


def check_k(k: int, count: int) -> None:
    """Checks that k neighbors can be found among `count` images.

    Raises:
        EvaluationError: k is not in 1..count.
    """
    if not 1 <= k <= count:
        raise EvaluationError(
            f"--knn_k={k} neighbors cannot be found among {count} images to learn from; give --knn_k={count} or less."
        )


def check_enough(labels: np.ndarray | None, count: int, protocol: ProtocolConfig) -> None:
    """Checks numbers of classes and images before any image is embedded.

    Args:
        labels: of the images to learn from, int [n]; `None` where unknown.
        count: n.
        protocol: names the measures.

    Raises:
        EvaluationError: there is one class only, or fewer images than neighbors.
    """
    if labels is not None and protocol.needs_labels:
        class_indices(labels)
    has_classes = labels is not None and len(np.unique(labels)) > 1
    has_neighbors = "knn" in protocol.measure_names or ("unlabeled" in protocol.measure_names and has_classes)
    if protocol.knn_k is not None and has_neighbors:
        check_k(protocol.knn_k, count)


def class_indices(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits integer labels into the classes [C], ascending, and the index [n] of each label in them.

    Raises:
        EvaluationError: there is one class only.
    """
    classes, indices = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise EvaluationError(
            f"all {len(labels)} labeled images are of class {classes[0]}, so there is nothing to classify; "
            "give --measures=unlabeled, or evaluate on a data set with at least two classes."
        )
    return classes, indices
