"""The linear probe: multinomial logistic regression on frozen, standardized features, by L-BFGS.

Given class probabilities `p = softmax(x W + b)`, it minimizes

    mean_i( -log p_i[label_i] ) + l2 / 2 * |W|²          (scikit-learn's objective at C = 1 / (n * l2))

Features of a network are strongly correlated, which makes plain L-BFGS need hundreds of passes. The Hessian at small
weights is about `(1 - 1/C) / C * covariance + l2`, so the search runs in coordinates where that matrix is the identity:
the same minimum, in some 30 passes.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
import tensorflow as tf
import threadpoolctl

from aag_tf.evaluation.checks import check_features, check_labels, class_indices
from aag_tf.evaluation.precision import full_float32
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.progress import progress_bar

L2_GRID = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
HELD_OUT_FRACTION = 0.1
SPLIT_SEED = 0  # which rows are held out: the same for every encoder, so that encoders are compared on the same rows
ROUNDING = 1e-7  # of float32
COVARIANCE_ROWS = 16_384  # the preconditioner may be approximate
MAX_ITERATIONS = 150
RELATIVE_TOLERANCE = 1e-7  # of the objective, from one iteration to the next


class Fit(NamedTuple):
    """Weights float64 [d, C] and bias float64 [C], on standardized features."""

    weights: tf.Tensor
    bias: tf.Tensor


class Problem(NamedTuple):
    """Standardized features float32 [n, d], class indices int32 [n], and each row's share float32 [n] in the mean."""

    rows: tf.Tensor
    owners: tf.Tensor
    share: tf.Tensor


@dataclasses.dataclass(frozen=True)
class LinearProbe:
    """A fitted probe.

    Args:
        classes: int [C] the labels, ascending.
        mean, scale: float32 [d] of the training features.
        weights: float32 [d, C] on standardized features.
        bias: float32 [C].
        l2: the regularization that was chosen.
        held_out_accuracy: {l2: accuracy in [0, 1]} over the grid; empty where there was nothing to choose.
    """

    classes: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    l2: float
    held_out_accuracy: dict[float, float]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The most probable label of each row: float [m, d] to int [m].

        Raises:
            EvaluationError: the features cannot be used.
        """
        check_features(features, "query")
        if features.shape[1] != len(self.mean):
            raise EvaluationError(
                f"the probe was fitted on {len(self.mean)} features a row and is given {features.shape[1]}; "
                "embed both sets with one encoder."
            )
        scaled = self.weights / self.scale[:, np.newaxis]
        logits = features.astype(np.float32, copy=False) @ scaled + (self.bias - self.mean @ scaled)
        return self.classes[np.argmax(logits, axis=1)]


@full_float32()
def fit_linear_probe(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    l2_grid: Sequence[float] = L2_GRID,
    folds: int = 1,
    progress: bool = True,
) -> LinearProbe:
    """Fits a probe; a grid of several values is decided on held-out rows, then all rows are used again.

    Args:
        features: float [n, d].
        labels: int [n], any integers.
        l2_grid: regularizations to choose from, strongest first; of equally good ones the strongest is taken.
        folds: 1 holds out a tenth of the rows; more are a stratified cross-validation, for few rows.
        progress: whether work of over a second shows a bar.

    Raises:
        EvaluationError: features or labels cannot be used, or there is one class only.
    """
    check_features(features, "training")
    check_labels(labels, features, "training")
    classes, indices = class_indices(labels)
    rows, mean, scale = _standardized(features)
    basis = None
    if rows.shape[0] < rows.shape[1]:
        rows, basis = _in_own_span(rows)
    owners = tf.constant(indices, tf.int32)
    fit = Fit(tf.zeros([rows.shape[1], len(classes)], tf.float64), tf.zeros([len(classes)], tf.float64))

    scores: dict[float, float] = {}
    masks = _held_out(indices, folds) if len(l2_grid) > 1 else []
    with progress_bar("linear probe", len(masks) * len(l2_grid) + 1, "fit", wanted=progress) as bar:
        l2 = l2_grid[0]
        if masks:
            fits: dict[float, Fit] = {}
            hits = dict.fromkeys(l2_grid, 0)
            for held_out in masks:
                problem = Problem(rows, owners, _share(~held_out))
                for candidate in l2_grid:
                    fit = fits[candidate] = _minimize(problem, fits.get(candidate, fit), candidate)
                    predicted = np.argmax(_logits(rows, *fit), axis=1)
                    hits[candidate] += int(np.sum(predicted[held_out] == indices[held_out]))
                    bar.update()
            scores = {candidate: count / int(np.sum(masks)) for candidate, count in hits.items()}
            l2 = max(scores, key=lambda candidate: scores[candidate])  # the first, and so the strongest, of equals
            fit = fits[l2]
        fit = _minimize(Problem(rows, owners, _share(np.ones(len(features), np.bool_))), fit, l2)
        bar.update()
    if basis is not None:
        fit = Fit(tf.matmul(basis, fit.weights), fit.bias)
    weights, bias = (tf.cast(part, tf.float32).numpy() for part in fit)
    return LinearProbe(classes, mean, scale, weights, bias, l2, scores)


def _standardized(features: np.ndarray) -> tuple[tf.Tensor, np.ndarray, np.ndarray]:
    rows = tf.constant(features, tf.float32)
    mean, variance = tf.nn.moments(rows, axes=0)
    scale = tf.sqrt(variance)
    # A constant feature carries nothing: its deviations are rounding, and must not be blown up to one.
    scale = tf.where(scale <= 1e-6 * tf.abs(mean), 1.0, scale)
    return (rows - mean) / scale, mean.numpy(), scale.numpy()


def _in_own_span(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Fewer rows than features [n, d] in r ≤ n coordinates: float32 [n, r], and their orthonormal basis float64 [d, r].

    The best weights lie in the span of the rows, and a rotation leaves |W|² alone: the same minimum, much cheaper.
    """
    singular, _, basis = tf.linalg.svd(tf.cast(rows, tf.float64))
    rank = int(tf.reduce_sum(tf.cast(singular > 1e-6 * singular[0], tf.int32)))
    basis = basis[:, : max(1, rank)]  # rows that are all alike span nothing
    return tf.cast(tf.matmul(tf.cast(rows, tf.float64), basis), tf.float32), basis


def _held_out(indices: np.ndarray, folds: int) -> list[np.ndarray]:
    """bool [n] each: a random tenth, or the parts of a stratified cross-validation."""
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


def _share(used: np.ndarray) -> tf.Tensor:
    """Shares instead of a selection: a copy of the rows may be large."""
    return tf.constant(used / used.sum(), tf.float32)


def _preconditioner(rows: tf.Tensor, num_classes: int, l2: float) -> tf.Tensor:
    """`L` float64 [d, d], lower triangular, with `L Lᵀ` about the Hessian at small weights."""
    part = rows[:: max(1, len(rows) // COVARIANCE_ROWS)]
    covariance = tf.cast(tf.matmul(part, part, transpose_a=True), tf.float64) / len(part)
    curvature = (1 - 1 / num_classes) / num_classes
    identity = tf.eye(rows.shape[1], dtype=tf.float64)
    hessian = curvature * covariance + l2 * identity
    lower = tf.linalg.cholesky(hessian)
    if tf.reduce_all(tf.math.is_finite(lower)):
        return lower
    # Sums in float32 have left an eigenvalue of features that are much alike below zero.
    return tf.linalg.cholesky(hessian + ROUNDING * tf.linalg.trace(hessian) * identity)


def _minimize(problem: Problem, start: Fit, l2: float) -> Fit:
    """L-BFGS in the coordinates `V = Lᵀ W`."""
    lower = _preconditioner(problem.rows, start.bias.shape[0], l2)
    penalty = tf.constant(l2, tf.float64)

    def value_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = _value_and_gradient(problem, lower, penalty, tf.constant(point, tf.float64))
        return float(value), gradient.numpy()

    origin = _flat(tf.matmul(lower, start.weights, transpose_a=True), start.bias).numpy()
    options = {"maxiter": MAX_ITERATIONS, "ftol": RELATIVE_TOLERANCE, "gtol": 1e-6}
    # The search itself handles vectors of a few thousand numbers: threads would wait for each other ten times as long.
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        found = scipy.optimize.minimize(value_and_gradient, origin, jac=True, method="L-BFGS-B", options=options)
    return _unpack(lower, tf.constant(found.x, tf.float64))


@tf.function(reduce_retracing=True)
def _value_and_gradient(
    problem: Problem, lower: tf.Tensor, l2: tf.Tensor, point: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The objective and its gradient by the coordinates: one call, so that nothing but the search leaves TensorFlow."""
    rows, owners, share = problem
    weights, bias = _unpack(lower, point)
    log_probabilities = tf.nn.log_softmax(_logits(rows, weights, bias))  # [n, C]
    targets = tf.one_hot(owners, tf.shape(bias)[0])
    losses = -share * tf.reduce_sum(targets * log_probabilities, axis=1)  # [n]
    errors = share[:, tf.newaxis] * (tf.exp(log_probabilities) - targets)  # [n, C], the gradient by the logits
    # Summed in float64: in float32 the rounding of 60 000 terms would end the search early.
    value = tf.reduce_sum(tf.cast(losses, tf.float64)) + l2 / 2 * tf.reduce_sum(weights**2)
    by_weights = tf.cast(tf.matmul(rows, errors, transpose_a=True), tf.float64) + l2 * weights  # [d, C]
    by_bias = tf.cast(tf.reduce_sum(errors, axis=0), tf.float64)
    return value, _flat(tf.linalg.triangular_solve(lower, by_weights), by_bias)


def _logits(rows: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.matmul(rows, tf.cast(weights, tf.float32)) + tf.cast(bias, tf.float32)


def _unpack(lower: tf.Tensor, point: tf.Tensor) -> Fit:
    matrix = tf.reshape(point, [tf.shape(lower)[0] + 1, -1])
    return Fit(tf.linalg.triangular_solve(lower, matrix[:-1], adjoint=True), matrix[-1])


def _flat(matrix: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.concat([matrix, vector[tf.newaxis]], axis=0), [-1])
