"""Confidence interval of a mean over images: a percentile bootstrap.

B. Efron, *Bootstrap Methods: Another Look at the Jackknife*, Annals of Statistics 7 (1979). The interval covers the
choice of the images, not the seed of training: from one training to the next, accuracy varies by more than that.
"""

from typing import Any

import numpy as np
import scipy.stats

LEVEL = 0.95
RESAMPLES = 2000
NUMBERS_AT_ONCE = 5_000_000  # 40 MB of resampled values


def mean_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of a mean.

    Args:
        values: [n], one number for each image: right (1) or wrong (0), or a share.
        seed: of the resamples; the same values and seed give the same interval.

    Returns:
        Lower and upper end; both are the value itself where all values are equal.
    """
    numbers = np.asarray(values, np.float64)
    if (numbers == numbers[0]).all():
        return float(numbers[0]), float(numbers[0])
    found = _bootstrap(numbers, np.random.default_rng(seed))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def balanced_interval(values: np.ndarray, labels: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Returns the mean over classes of the mean of each, and its 95 % interval.

    Images are resampled within each class, so that every class keeps its images.

    Args:
        values: [n], one number for each image.
        labels: class of each image, int [n].
        seed: of the resamples.

    Returns:
        Value, lower and upper end; the three are equal where the values of each class are.
    """
    numbers = np.asarray(values, np.float64)
    classes, owners = np.unique(labels, return_inverse=True)
    rng = np.random.default_rng(seed)
    total, resampled = 0.0, np.zeros(RESAMPLES)
    for number in range(len(classes)):
        own = numbers[owners == number]
        total += own.mean()
        if (own == own[0]).all():
            resampled += own[0]
            continue
        resampled += _bootstrap(own, rng).bootstrap_distribution
    ends = np.percentile(resampled / len(classes), [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(total / len(classes)), float(ends[0]), float(ends[1])


def _bootstrap(numbers: np.ndarray, rng: np.random.Generator) -> Any:
    """Resamples the mean of float64 [n]; returns SciPy's result, with the interval and every resampled mean."""
    return scipy.stats.bootstrap(
        (numbers,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, NUMBERS_AT_ONCE // len(numbers)),
        confidence_level=LEVEL,
        method="percentile",
        rng=rng,
    )
