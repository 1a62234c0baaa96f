"""Calibration of class probabilities: temperature scaling, and the expected calibration error.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, *On Calibration of Modern Neural Networks*, arXiv 1706.04599 (2017):
probabilities are `softmax(logits / T)` with one `T > 0`, which changes no prediction.
"""

import dataclasses
import math

import numpy as np
import scipy.optimize
import scipy.special

from aag_tf.evaluation.bootstrap import LEVEL

BINS = 15  # as Guo et al.
RESAMPLES = 1000
LARGEST = math.log(100.0)  # of |log T|
# log T is taken to be about 0, give or take 1, until images say otherwise: a few that are all right ask for T = 0.
PRIOR_DEVIATION = 1.0


@dataclasses.dataclass(frozen=True)
class Bin:
    """Images whose confidence, the probability of the predicted class, lies between two multiples of 1/15.

    Args:
        count: of the images.
        confidence: its mean.
        accuracy: of the predictions.
    """

    count: int
    confidence: float
    accuracy: float


def cross_entropy(logits: np.ndarray, owners: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Returns `-log softmax(logits / temperature)` of the right class of each image.

    Args:
        logits: float [n, C].
        owners: class index of each image, int [n].
        temperature: above 0.

    Returns:
        float64 [n].
    """
    logarithms = scipy.special.log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return -logarithms[np.arange(len(owners)), owners]


def fit_temperature(logits: np.ndarray, owners: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Returns the temperature that makes labels most likely, drawn a little toward 1 where there are few.

    It minimizes `n · mean(cross entropy) + (log T)² / 2`, which is the most likely `T` if `log T` is normally
    distributed beforehand.

    Args:
        logits: of held-out images, float [n, C].
        owners: class index of each, int [n].
        weights: of the images in the mean, float [n] with sum 1; by default all are alike.
    """
    shares = np.full(len(owners), 1.0 / len(owners)) if weights is None else weights

    def negative_log_posterior(logarithm: float) -> float:
        mean = float(shares @ cross_entropy(logits, owners, math.exp(logarithm)))
        return len(owners) * mean + 0.5 * (logarithm / PRIOR_DEVIATION) ** 2

    found = scipy.optimize.minimize_scalar(negative_log_posterior, bounds=(-LARGEST, LARGEST), method="bounded")
    return math.exp(float(found.x))


def confidences(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Returns the probability of the predicted class of each image, float64 [n]."""
    return scipy.special.softmax(np.asarray(logits, np.float64) / temperature, axis=1).max(axis=1)


def calibration_bins(confidence: np.ndarray, right: np.ndarray) -> list[Bin]:
    """Returns the bins that have images, by rising confidence.

    Args:
        confidence: [n], in [0, 1].
        right: whether each prediction is right, bool [n].
    """
    owners = _bin_of(confidence)
    found = []
    for number in np.unique(owners):
        own = owners == number
        found.append(Bin(int(own.sum()), float(confidence[own].mean()), float(np.mean(right[own]))))
    return found


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Returns the expected calibration error in [0, 1]: the mean over images of |accuracy - confidence| of their bin.

    Args:
        confidence: [n], in [0, 1].
        right: whether each prediction is right, bool [n].
    """
    gap = np.asarray(right, np.float64) - confidence
    return float(np.abs(np.bincount(_bin_of(confidence), gap, BINS)).sum() / len(gap))


def calibration_error_interval(confidence: np.ndarray, right: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the expected calibration error over images.

    The error of few images is too large on average, since chance alone moves bins off the diagonal; so are both ends.
    """
    owners, gap = _bin_of(confidence), np.asarray(right, np.float64) - confidence
    rng = np.random.default_rng(seed)
    errors = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        rows = rng.integers(0, len(gap), len(gap))
        errors[number] = np.abs(np.bincount(owners[rows], gap[rows], BINS)).sum() / len(gap)
    low, high = np.percentile(errors, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
