"""Accuracy of a classifier, and its balanced accuracy where classes are uneven."""

from typing import Any

import numpy as np

from aag_tf.evaluation.bootstrap import balanced_interval
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.evaluation.results import BALANCED, MAJORITY

UNEVEN = 2.0  # largest class / smallest class: above, one accuracy over all images hides the small classes


def is_uneven(labels: np.ndarray) -> bool:
    """Whether the largest class has more than twice the images of the smallest: labels int [n]."""
    _, counts = np.unique(labels, return_counts=True)
    return bool(counts.max() > UNEVEN * counts.min())


def accuracies(features: FeatureSet, name: str, right: np.ndarray, **details: Any) -> list[Measure]:
    """Returns the accuracy and, where the classes of the bank are uneven, the mean over classes of their accuracy.

    Args:
        features: that were classified.
        name: of the accuracy; the balanced one is called `<name>_balanced`.
        right: [m], whether each query was classified right, or the share of draws in which it was.
        **details: of the accuracy.
    """
    seed = features.protocol.seed
    found = [mean_measure(name, right, seed, **details)]
    if is_uneven(features.bank_labels):
        value, low, high = balanced_interval(right, features.query_labels, seed)
        classes = len(np.unique(features.query_labels))
        kept = {"k": details["k"]} if "k" in details else {}
        found.append(Measure(name + BALANCED, value, len(right), low, high, {"classes": classes} | kept))
    return found


def majority(features: FeatureSet) -> Measure:
    """Accuracy of always answering with the largest class of the bank, which needs no features at all."""
    classes, counts = np.unique(features.bank_labels, return_counts=True)
    largest = classes[np.argmax(counts)]
    return mean_measure(MAJORITY, features.query_labels == largest, features.protocol.seed, label=int(largest))


def recalls(features: FeatureSet) -> list[Measure]:
    """Share of queries with a neighbor of their class among the nearest, where classes have few images.

    Few are fewer than the neighbors that vote by default or by `knn_k`. The measure is that of H. Oh Song et al., *Deep
    Metric Learning via Lifted Structured Feature Embedding*, arXiv 1511.06452 (2015), with a bank in place of the other
    queries.
    """
    if not features.few_images:
        return []
    same = features.bank_labels[features.near.rows] == features.query_labels[:, np.newaxis]
    seed = features.protocol.seed
    return [
        mean_measure(f"recall@{k}", same[:, :k].any(axis=1), seed, k=k)
        for k in sorted({1, features.near.rows.shape[1]})
    ]
