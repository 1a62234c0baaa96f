"""Measures without a classifier: alignment, uniformity, effective rank and neighbor purity.

T. Wang, P. Isola, *Understanding Contrastive Representation Learning through Alignment and Uniformity on the
Hypersphere*, arXiv 2005.10242 (2020), section 4.1; Q. Garrido et al., *RankMe: Assessing the Downstream Performance of
Pretrained Self-Supervised Representations by Their Rank*, arXiv 2210.02885 (2023), equation 1.
"""

import numpy as np
import tensorflow as tf

from aag_tf.evaluation.directions import directions
from aag_tf.evaluation.precision import full_float32

RANKME_EPSILON = 1e-7  # of the paper, for float32 features
PAIRS_AT_ONCE = 25_000_000


def alignment(first: np.ndarray, second: np.ndarray) -> float:
    """Mean squared distance of the normalized features of two views of an image: 0 (alike) to 4; lower is better.

    Args:
        first, second: features of the two views, float [n, d]; row i of both is of image i.
    """
    return float(np.mean(np.sum((directions(first) - directions(second)) ** 2, axis=1)))


def mean_squared_distance(features: np.ndarray) -> float:
    """Mean squared distance of all pairs of normalized rows: 0 (all alike) to about 2 (even in all directions).

    Args:
        features: float [n, d], two rows or more.
    """
    rows = directions(features).astype(np.float64)
    count = len(rows)
    total = count * np.sum(rows**2) - np.sum(rows.sum(axis=0) ** 2)  # over unordered pairs
    return float(max(0.0, total) / (count * (count - 1) / 2))


@full_float32()
def uniformity(features: np.ndarray) -> float:
    """`log(mean exp(-2 d²))` over all pairs of normalized rows: about -4 (spread out) to 0; lower is better.

    Args:
        features: float [n, d], two rows or more.
    """
    rows = directions(features)
    # A zero row has no direction: all of them get one of their own, orthogonal to the others, since they are equal.
    rows = np.column_stack([rows, ~rows.any(axis=1)]).astype(np.float32)
    total = 0.0
    chunk = max(1, PAIRS_AT_ONCE // len(rows))
    for start in range(0, len(rows), chunk):
        cosines = tf.matmul(rows[start : start + chunk], rows, transpose_b=True)
        nearness = tf.exp(4.0 * tf.minimum(cosines, 1.0) - 4.0)  # on the sphere d² = 2 - 2 cos
        total += float(tf.reduce_sum(tf.cast(nearness, tf.float64)))
    count = len(rows)
    return float(np.log(max(total - count, np.finfo(float).tiny) / (count * (count - 1.0))))


def rankme(features: np.ndarray) -> float:
    """Exponential of the entropy of the singular values: 1 (one direction) to min(n, d) (all of equal size).

    Args:
        features: float [n, d], neither centered nor normalized, as in the paper.
    """
    rows = features.astype(np.float64)
    gram = rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))
    if singular.sum() == 0.0:  # features are all zero
        return 1.0
    shares = singular / singular.sum() + RANKME_EPSILON
    return float(np.exp(-np.sum(shares * np.log(shares))))


def neighbor_purity(rows: np.ndarray, bank_labels: np.ndarray, query_labels: np.ndarray) -> np.ndarray:
    """Share of each query's neighbors that have its label: float64 [m] in [0, 1].

    Args:
        rows: the neighbors of each query as row numbers of the bank, int [m, k].
        bank_labels: int [n].
        query_labels: int [m].
    """
    return (bank_labels[rows] == query_labels[:, np.newaxis]).mean(axis=1)
