"""Multinomial logistic regression by preconditioned L-BFGS.

Given class probabilities `p = softmax(x W + b)`, it minimizes

    mean_i( -log p_i[label_i] ) + l2 / 2 * |W|²          (scikit-learn's objective at C = 1 / (n * l2))

Features of a network are strongly correlated, which makes plain L-BFGS need hundreds of passes. The Hessian at small
weights is about `(1 - 1/C) / C * covariance + l2`, so the search runs in coordinates where that matrix is the identity:
the same minimum, in some 30 passes.

Small problems are computed by NumPy: a call of TensorFlow costs more than their arithmetic, and the choice of a
regularization by cross-validation takes thousands.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize
import tensorflow as tf
import threadpoolctl

ROUNDING = 1e-7  # of float32
COVARIANCE_ROWS = 16_384  # the preconditioner may be approximate
MAX_ITERATIONS = 150
RELATIVE_TOLERANCE = 1e-7  # of the objective, from one iteration to the next
SMALL = 2**20  # products of a feature and a weight in a pass: below about a millisecond of arithmetic

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Fit(NamedTuple):
    """Weights float64 [d, C] and bias float64 [C]."""

    weights: tf.Tensor
    bias: tf.Tensor


class Problem(NamedTuple):
    """Features float32 [n, d], class indices int32 [n], and the weight float32 [n] of each row in the mean."""

    rows: tf.Tensor
    owners: tf.Tensor
    share: tf.Tensor


def minimize(problem: Problem, start: Fit, l2: float) -> Fit:
    """Returns the minimum, found by L-BFGS from `start` in the coordinates `V = Lᵀ W`."""
    lower = _preconditioner(problem.rows, start.bias.shape[0], l2)
    small = problem.rows.shape[0] * problem.rows.shape[1] * start.bias.shape[0] <= SMALL
    value_and_gradient = (_by_numpy if small else _by_tensorflow)(problem, lower, l2)
    origin = _flat(tf.matmul(lower, start.weights, transpose_a=True), start.bias).numpy()
    options = {"maxiter": MAX_ITERATIONS, "ftol": RELATIVE_TOLERANCE, "gtol": 1e-6}
    # The search itself handles vectors of a few thousand numbers: threads would wait for each other ten times as long.
    with _threads().limit(limits=1, user_api="blas"):
        found = scipy.optimize.minimize(value_and_gradient, origin, jac=True, method="L-BFGS-B", options=options)
    return _unpack(lower, tf.constant(found.x, tf.float64))


@functools.cache
def _threads() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()  # once, since it looks through all libraries of the process


def logits(rows: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Returns float32 [n, C]."""
    return tf.matmul(rows, tf.cast(weights, tf.float32)) + tf.cast(bias, tf.float32)


def _preconditioner(rows: tf.Tensor, num_classes: int, l2: float) -> tf.Tensor:
    """Returns the Cholesky factor `L`, float64 [d, d], of about the Hessian at small weights."""
    part = rows[:: max(1, len(rows) // COVARIANCE_ROWS)]
    covariance = tf.cast(tf.matmul(part, part, transpose_a=True), tf.float64) / len(part)
    curvature = (1 - 1 / num_classes) / num_classes
    identity = tf.eye(rows.shape[1], dtype=tf.float64)
    hessian = curvature * covariance + l2 * identity
    lower = tf.linalg.cholesky(hessian)
    if tf.reduce_all(tf.math.is_finite(lower)):
        return lower
    # Highly correlated features: float32 sums have made an eigenvalue negative.
    return tf.linalg.cholesky(hessian + ROUNDING * tf.linalg.trace(hessian) * identity)


def _by_numpy(problem: Problem, lower: tf.Tensor, l2: float) -> ValueAndGradient:
    """The same as `_by_tensorflow`, with the same precision."""
    rows, owners, share = (part.numpy() for part in problem)
    factor, numbers = lower.numpy(), np.arange(len(rows))
    solve = functools.partial(scipy.linalg.solve_triangular, factor, lower=True, check_finite=False)

    def value_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
        matrix = point.reshape(len(factor) + 1, -1)
        weights = solve(matrix[:-1], trans="T")
        scores = rows @ weights.astype(np.float32) + matrix[-1].astype(np.float32)  # [n, C]
        scores -= scores.max(axis=1, keepdims=True)
        exponentials = np.exp(scores)
        sums = exponentials.sum(axis=1, keepdims=True)
        losses = share * (np.log(sums[:, 0]) - scores[numbers, owners])  # [n]
        errors = exponentials / sums
        errors[numbers, owners] -= 1.0
        errors *= share[:, np.newaxis]  # [n, C], the gradient by the logits
        value = losses.sum(dtype=np.float64) + l2 / 2 * np.sum(weights**2)
        by_weights = (rows.T @ errors).astype(np.float64) + l2 * weights  # [d, C]
        return float(value), np.concatenate([solve(by_weights), errors.sum(axis=0)[np.newaxis]]).ravel()

    return value_and_gradient


def _by_tensorflow(problem: Problem, lower: tf.Tensor, l2: float) -> ValueAndGradient:
    """Returns a function from a point in the coordinates `V` to the objective and its gradient, float64."""
    penalty = tf.constant(l2, tf.float64)

    def value_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = _value_and_gradient(problem, lower, penalty, tf.constant(point, tf.float64))
        return float(value), gradient.numpy()

    return value_and_gradient


@tf.function(autograph=False, reduce_retracing=True)
def _value_and_gradient(
    problem: Problem, lower: tf.Tensor, l2: tf.Tensor, point: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Objective and gradient in the coordinates `V`; one call, so that only the search itself leaves TensorFlow."""
    rows, owners, share = problem
    weights, bias = _unpack(lower, point)
    log_probabilities = tf.nn.log_softmax(logits(rows, weights, bias))  # [n, C]
    targets = tf.one_hot(owners, tf.shape(bias)[0])
    losses = -share * tf.reduce_sum(targets * log_probabilities, axis=1)  # [n]
    errors = share[:, tf.newaxis] * (tf.exp(log_probabilities) - targets)  # [n, C], the gradient by the logits
    # Summed in float64: in float32 the rounding of 60 000 terms would end the search early.
    value = tf.reduce_sum(tf.cast(losses, tf.float64)) + l2 / 2 * tf.reduce_sum(weights**2)
    by_weights = tf.cast(tf.matmul(rows, errors, transpose_a=True), tf.float64) + l2 * weights  # [d, C]
    by_bias = tf.cast(tf.reduce_sum(errors, axis=0), tf.float64)
    return value, _flat(tf.linalg.triangular_solve(lower, by_weights), by_bias)


def _unpack(lower: tf.Tensor, point: tf.Tensor) -> Fit:
    matrix = tf.reshape(point, [tf.shape(lower)[0] + 1, -1])
    return Fit(tf.linalg.triangular_solve(lower, matrix[:-1], adjoint=True), matrix[-1])


def _flat(matrix: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.concat([matrix, vector[tf.newaxis]], axis=0), [-1])
