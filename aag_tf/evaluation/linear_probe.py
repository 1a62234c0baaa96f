"""The linear probe: multinomial logistic regression on frozen, standardized features, by L-BFGS."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from aag_tf.evaluation.checks import check_features, check_labels, class_indices
from aag_tf.evaluation.logistic_regression import Fit, Problem, logits, minimize
from aag_tf.evaluation.precision import full_float32
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.progress import progress_bar

L2_GRID = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
HELD_OUT_FRACTION = 0.1
SPLIT_SEED = 0  # of the held-out rows: the same for every encoder, so that encoders are compared on the same rows


@dataclasses.dataclass(frozen=True)
class LinearProbe:
    """A fitted linear classifier.

    Args:
        classes: the labels, int [C], ascending.
        mean, scale: of the training features, float32 [d].
        weights: for standardized features, float32 [d, C].
        bias: float32 [C].
        l2: the chosen regularization.
        held_out_accuracy: accuracy in [0, 1] by l2; empty where there was nothing to choose.
    """

    classes: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    l2: float
    held_out_accuracy: dict[float, float]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns the most probable label of each row.

        Args:
            features: float [m, d].

        Returns:
            int [m], values of `classes`.

        Raises:
            EvaluationError: the features are not finite, or not of the length d.
        """
        check_features(features, "query")
        if features.shape[1] != len(self.mean):
            raise EvaluationError(
                f"the probe was fitted to features of length {len(self.mean)} and is given {features.shape[1]}; "
                "embed both sets with one encoder."
            )
        scaled = self.weights / self.scale[:, np.newaxis]
        scores = features.astype(np.float32, copy=False) @ scaled + (self.bias - self.mean @ scaled)
        return self.classes[np.argmax(scores, axis=1)]


@full_float32()
def fit_linear_probe(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    l2_grid: Sequence[float] = L2_GRID,
    folds: int = 1,
) -> LinearProbe:
    """Fits a probe on all rows, after choosing its regularization on held-out rows.

    Args:
        features: float [n, d].
        labels: int [n], any integers.
        l2_grid: regularizations to choose from, strongest first; ties go to the strongest. A single one is used as it
            is.
        folds: 1 holds out a tenth of the rows; a larger number is that of a stratified cross-validation.

    Raises:
        EvaluationError: features are not finite, labels do not fit them, or there is one class only.
    """
    check_features(features, "training")
    check_labels(labels, features, "training")
    classes, indices = class_indices(labels)
    rows, mean, scale = _standardized(features)
    basis = None
    if rows.shape[0] < rows.shape[1]:
        rows, basis = _in_own_span(rows)
    fit = Fit(tf.zeros([rows.shape[1], len(classes)], tf.float64), tf.zeros([len(classes)], tf.float64))
    l2, scores = l2_grid[0], dict[float, float]()
    masks = _held_out(indices, folds) if len(l2_grid) > 1 else []
    with progress_bar("linear probe", len(masks) * len(l2_grid) + 1, "fit") as bar:
        if masks:
            l2, scores, fit = _choose_l2(rows, indices, masks, l2_grid, start=fit, bar=bar)
        fit = minimize(_problem(rows, indices, np.ones(len(features), np.bool_)), fit, l2)
        bar.update()
    if basis is not None:
        fit = Fit(tf.matmul(basis, fit.weights), fit.bias)
    weights, bias = (tf.cast(part, tf.float32).numpy() for part in fit)
    return LinearProbe(classes, mean, scale, weights, bias, l2, scores)


def _choose_l2(
    rows: tf.Tensor, indices: np.ndarray, masks: list[np.ndarray], l2_grid: Sequence[float], *, start: Fit, bar: tqdm
) -> tuple[float, dict[float, float], Fit]:
    """Returns the best l2, the held-out accuracy of each, and a fit with the best one."""
    fit = start
    fits: dict[float, Fit] = {}
    hits = dict.fromkeys(l2_grid, 0)
    for held_out in masks:
        problem = _problem(rows, indices, ~held_out)
        for l2 in l2_grid:
            fit = fits[l2] = minimize(problem, fits.get(l2, fit), l2)
            predicted = np.argmax(logits(rows, *fit), axis=1)
            hits[l2] += int(np.sum(predicted[held_out] == indices[held_out]))
            bar.update()
    scores = {l2: count / int(np.sum(masks)) for l2, count in hits.items()}
    best = max(scores, key=lambda l2: scores[l2])  # of equals the first, which is the strongest
    return best, scores, fits[best]


def _problem(rows: tf.Tensor, indices: np.ndarray, used: np.ndarray) -> Problem:
    # Unused rows get weight zero: to copy the others could take much memory.
    return Problem(rows, tf.constant(indices, tf.int32), tf.constant(used / used.sum(), tf.float32))


def _standardized(features: np.ndarray) -> tuple[tf.Tensor, np.ndarray, np.ndarray]:
    rows = tf.constant(features, tf.float32)
    mean, variance = tf.nn.moments(rows, axes=0)
    scale = tf.sqrt(variance)
    # A constant feature deviates by rounding only, which must not be scaled up to one.
    scale = tf.where(scale <= 1e-6 * tf.abs(mean), 1.0, scale)
    return (rows - mean) / scale, mean.numpy(), scale.numpy()


def _in_own_span(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Expresses n < d rows [n, d] in r ≤ n coordinates: float32 [n, r], and the orthonormal basis float64 [d, r].

    The best weights lie in the span of the rows and a rotation does not change |W|²: the same minimum, much cheaper.
    """
    singular, _, basis = tf.linalg.svd(tf.cast(rows, tf.float64))
    rank = int(tf.reduce_sum(tf.cast(singular > 1e-6 * singular[0], tf.int32)))
    basis = basis[:, : max(1, rank)]  # equal rows have rank 0
    return tf.cast(tf.matmul(tf.cast(rows, tf.float64), basis), tf.float32), basis


def _held_out(indices: np.ndarray, folds: int) -> list[np.ndarray]:
    """Returns the held-out rows as masks, bool [n] each: a random tenth, or the parts of a cross-validation."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(indices))
    if folds == 1:
        parts = [order[: max(1, round(HELD_OUT_FRACTION * len(indices)))]]
    else:
        by_class = order[np.argsort(indices[order], kind="stable")]
        parts = [by_class[start::folds] for start in range(min(folds, len(indices)))]
    masks = []
    for part in parts:
        mask = np.zeros(len(indices), bool)
        mask[part] = True
        masks.append(mask)
    return masks
