"""The weighted k-nearest-neighbour classifier: an encoder's quality without training anything on top.

Z. Wu, Y. Xiong, S. X. Yu, D. Lin, *Unsupervised Feature Learning via Non-Parametric Instance Discrimination*,
arXiv 1805.01978 (2018), section 3.4.
"""

import numpy as np
import tensorflow as tf

from aag_tf.errors import EvaluationError
from aag_tf.evaluation.checks import check_features, check_labels, check_same_size, class_indices
from aag_tf.evaluation.precision import full_float32

DEFAULT_K = 20
DEFAULT_TEMPERATURE = 0.07  # section 3.4 of the paper
SIMILARITIES_AT_ONCE = 25_000_000  # 100 MB of float32: large enough for full speed, small enough for any device


@full_float32()
def knn_predict(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    *,
    k: int = DEFAULT_K,
    temperature: float = DEFAULT_TEMPERATURE,
) -> np.ndarray:
    """The class with the most votes among the `k` bank images most similar to each query.

    A neighbour at cosine similarity `s` votes with weight `exp(s / temperature)`. Queries are taken in chunks, so that
    at most 25 million similarities are in memory.

    Args:
        bank: float [n, d] features of labelled images.
        bank_labels: int [n], any integers.
        queries: float [m, d].
        k: neighbours that vote, at most n.
        temperature: positive; small values listen to the nearest neighbours only.

    Returns:
        int64 [m], values of `bank_labels`; where votes are equal, the smallest label.

    Raises:
        EvaluationError: features or labels cannot be used, there is one class only, or k is not in 1..n.
    """
    check_features(bank, "bank")
    check_labels(bank_labels, bank, "bank")
    check_features(queries, "query")
    check_same_size(bank, queries)
    classes, indices = class_indices(bank_labels)
    if not 1 <= k <= len(bank):
        raise EvaluationError(
            f"--knn_k={k} neighbours cannot be found among {len(bank)} labelled images; "
            f"give a number from 1 to {len(bank)}."
        )
    directions = _directions(bank)
    owners = tf.constant(indices, tf.int32)
    chunk = max(1, SIMILARITIES_AT_ONCE // len(bank))
    winners = [
        _winners(
            _directions(queries[start : start + chunk]),
            directions,
            owners,
            k=k,
            temperature=temperature,
            num_classes=len(classes),
        ).numpy()
        for start in range(0, len(queries), chunk)
    ]
    return classes[np.concatenate(winners)].astype(np.int64)


def knn_accuracy(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    *,
    k: int = DEFAULT_K,
    temperature: float = DEFAULT_TEMPERATURE,
) -> float:
    """The share in [0, 1] of queries that `knn_predict` gets right; a class that the bank lacks is always wrong.

    Raises:
        EvaluationError: as in `knn_predict`, or the query labels do not fit the queries.
    """
    check_labels(query_labels, queries, "query")
    predicted = knn_predict(bank, bank_labels, queries, k=k, temperature=temperature)
    return float(np.mean(predicted == query_labels))


def _directions(features: np.ndarray) -> tf.Tensor:
    return tf.math.l2_normalize(tf.constant(features, tf.float32), axis=1)


@tf.function(reduce_retracing=True)
def _winners(
    queries: tf.Tensor, bank: tf.Tensor, owners: tf.Tensor, *, k: int, temperature: float, num_classes: int
) -> tf.Tensor:
    similarities = tf.matmul(queries, bank, transpose_b=True)  # [q, n]
    nearest, rows = tf.math.top_k(similarities, k)  # [q, k], largest first
    # Relative to the nearest neighbour, which changes no winner and cannot overflow at a small temperature.
    votes = tf.exp((nearest - nearest[:, :1]) / temperature)
    num_queries = tf.shape(queries)[0]
    cells = num_classes * tf.range(num_queries)[:, tf.newaxis] + tf.gather(owners, rows)  # [q, k]
    tally = tf.math.unsorted_segment_sum(votes, cells, num_queries * num_classes)
    return tf.argmax(tf.reshape(tally, [num_queries, num_classes]), axis=1)
