"""The weighted k-nearest-neighbor classifier, which evaluates an encoder without training anything.

Z. Wu, Y. Xiong, S. X. Yu, D. Lin, *Unsupervised Feature Learning via Non-Parametric Instance Discrimination*,
arXiv 1805.01978 (2018), section 3.4.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aag_tf.config import USUAL_KNN_K, ProtocolConfig
from aag_tf.evaluation.checks import check_features, check_k, check_labels, check_same_size, class_indices
from aag_tf.evaluation.precision import full_float32
from aag_tf.utils.progress import progress_bar

DEFAULT_K, DEFAULT_TEMPERATURE = USUAL_KNN_K, ProtocolConfig.knn_temperature
SIMILARITIES_AT_ONCE = 25_000_000  # 100 MB of float32: large enough for full speed, small enough for any device
VOTES_AT_ONCE = 4096  # queries: bounds the tally where there are many classes


class Neighbors(NamedTuple):
    """The `k` rows of the bank most similar to each of `m` queries, the most similar first.

    Args:
        rows: row numbers in the bank, int32 [m, k].
        similarities: cosine similarities in [-1, 1], float32 [m, k].
    """

    rows: np.ndarray
    similarities: np.ndarray


def usual_k(labels: np.ndarray | None, count: int) -> int:
    """Returns how many neighbors may vote: 20, or the number of images of the median class where that is smaller.

    More votes than a class has images go to other classes, however near its images lie.

    Args:
        labels: of the bank, int [n]; `None` where unknown.
        count: n, the most that can vote.
    """
    if labels is None:
        return min(DEFAULT_K, count)
    _, counts = np.unique(labels, return_counts=True)
    return min(DEFAULT_K, max(1, int(np.median(counts))))


@full_float32()
def find_neighbors(bank: np.ndarray, queries: np.ndarray, *, k: int = DEFAULT_K, name: str = "neighbors") -> Neighbors:
    """Returns the k nearest neighbors of each query by cosine similarity.

    Queries are taken in chunks, so that at most 25 million similarities are in memory.

    Args:
        bank: float [n, d] features.
        queries: float [m, d].
        k: neighbors of each query, at most n.
        name: text of the progress bar.

    Raises:
        EvaluationError: features are not finite or of different lengths, or k is not in 1..n.
    """
    check_features(bank, "bank")
    check_features(queries, "query")
    check_same_size(bank, queries)
    check_k(k, len(bank))
    directions = _directions(bank)
    chunk = max(1, SIMILARITIES_AT_ONCE // len(bank))
    rows = np.empty((len(queries), k), np.int32)
    similarities = np.empty((len(queries), k), np.float32)
    with progress_bar(f"{name}: kNN", len(queries), "img") as bar:
        for start in range(0, len(queries), chunk):
            part = slice(start, start + chunk)
            found = _nearest(_directions(queries[part]), directions, k)
            similarities[part], rows[part] = (tensor.numpy() for tensor in found)
            bar.update(len(rows[part]))
    return Neighbors(rows, similarities)


def vote(neighbors: Neighbors, bank_labels: np.ndarray, *, temperature: float = DEFAULT_TEMPERATURE) -> np.ndarray:
    """Returns the class with the most votes among the neighbors of each query.

    A neighbor at cosine similarity `s` votes with weight `exp(s / temperature)`.

    Args:
        neighbors: of m queries.
        bank_labels: int [n], any integers.
        temperature: positive; the smaller, the more the nearest neighbors count.

    Returns:
        int64 [m], values of `bank_labels`; ties go to the smallest label.

    Raises:
        EvaluationError: there is one class only.
    """
    classes, owners = class_indices(bank_labels)
    rows, similarities = neighbors
    # Relative to the nearest neighbor: the same winner, and no overflow at a small temperature.
    votes = np.exp((similarities - similarities[:, :1]).astype(np.float64) / temperature)
    winners = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), VOTES_AT_ONCE):
        part = slice(start, start + VOTES_AT_ONCE)
        tally = np.zeros((len(rows[part]), len(classes)))
        np.add.at(tally, (np.arange(len(tally))[:, np.newaxis], owners[rows[part]]), votes[part])
        winners[part] = classes[np.argmax(tally, axis=1)]
    return winners


def knn_predict(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    *,
    k: int = DEFAULT_K,
    temperature: float = DEFAULT_TEMPERATURE,
) -> np.ndarray:
    """Predicts labels of queries by `find_neighbors` and `vote`: float [n, d], int [n], float [m, d] to int64 [m].

    Raises:
        EvaluationError: features are not finite, labels do not fit them, there is one class only, or k is not in 1..n.
    """
    check_features(bank, "bank")
    check_labels(bank_labels, bank, "bank")
    class_indices(bank_labels)
    return vote(find_neighbors(bank, queries, k=k), bank_labels, temperature=temperature)


def knn_accuracy(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    *,
    k: int = DEFAULT_K,
    temperature: float = DEFAULT_TEMPERATURE,
) -> float:
    """Accuracy in [0, 1] of `knn_predict`; a query whose class the bank lacks is always wrong.

    Raises:
        EvaluationError: as for `knn_predict`, or the query labels do not fit the queries.
    """
    check_labels(query_labels, queries, "query")
    predicted = knn_predict(bank, bank_labels, queries, k=k, temperature=temperature)
    return float(np.mean(predicted == query_labels))


def _directions(features: np.ndarray) -> tf.Tensor:
    return tf.math.l2_normalize(tf.constant(features, tf.float32), axis=1)


@tf.function(autograph=False, reduce_retracing=True)
def _nearest(queries: tf.Tensor, bank: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.math.top_k(tf.matmul(queries, bank, transpose_b=True), k)  # [q, k] each, largest first
