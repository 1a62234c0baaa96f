"""What is measured of a classifier on images that nothing was chosen by: accuracy, calibration, each class."""

import dataclasses

import numpy as np

from aag_tf.evaluation.bootstrap import balanced_interval, mean_interval
from aag_tf.evaluation.calibration import (
    Bin,
    calibration_bins,
    calibration_error,
    calibration_error_interval,
    confidences,
    cross_entropy,
    fit_temperature,
)
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.evaluation.results import ACCURACY, BALANCED, FeatureResult

FINE_TUNED = "fine-tuned"
PROBE = "linear probe"
PROBE_OF_ALL = "probe, all labels"
SCRATCH = "from random weights"


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How well probabilities match what happens, at one temperature.

    Args:
        temperature: that logits were divided by.
        error: expected calibration error, a share, with its interval.
        cross_entropy: mean over images, with its interval.
        bins: images by their confidence.
    """

    temperature: float
    error: Measure
    cross_entropy: Measure
    bins: list[Bin]


@dataclasses.dataclass(frozen=True)
class ClassFigures:
    """One class.

    Args:
        name: of the class.
        train, held_out, reported: its images to learn from, to choose by, and that metrics are of.
        right: images of the latter that were classified right.
        predicted: images, of whatever class, that were taken for this one.
        accuracy: share of its images that were classified right, with its interval; `None` without images.
    """

    name: str
    train: int
    held_out: int
    reported: int
    right: int
    predicted: int
    accuracy: Measure | None


@dataclasses.dataclass(frozen=True)
class Difference:
    """By how much the fine-tuned classifier is more often right than another on the same images, with its interval."""

    over: str
    value: float
    low: float
    high: float


def measure_accuracy(name: str, dim: int, right: np.ndarray, labels: np.ndarray, seed: int) -> FeatureResult:
    """Returns accuracy and balanced accuracy of a classifier.

    Args:
        name: of the classifier.
        dim: length of its embedding.
        right: whether each image was classified right, bool [n].
        labels: of the images, int [n].
        seed: of the bootstrap.
    """
    value, low, high = balanced_interval(right, labels, seed)
    classes = {"classes": len(np.unique(labels))}
    balanced = Measure(ACCURACY + BALANCED, value, len(right), low, high, classes)
    return FeatureResult(name, dim, [mean_measure(ACCURACY, right, seed), balanced])


def measure_calibration(logits: np.ndarray, owners: np.ndarray, temperature: float, seed: int) -> Calibration:
    """Returns the calibration of probabilities `softmax(logits / temperature)`.

    Args:
        logits: float [n, C].
        owners: class index of each image, int [n]; -1 for a class that is none of them, which is always wrong.
        temperature: above 0.
        seed: of the bootstrap.
    """
    confidence, right = confidences(logits, temperature), np.argmax(logits, axis=1) == owners
    low, high = calibration_error_interval(confidence, right, seed)
    known = owners >= 0
    return Calibration(
        temperature,
        Measure("calibration_error", calibration_error(confidence, right), len(right), low, high),
        mean_measure("cross_entropy", cross_entropy(logits[known], owners[known], temperature), seed),
        calibration_bins(confidence, right),
    )


def temperature_of(logits: np.ndarray, owners: np.ndarray) -> float:
    """Returns the temperature that held-out images ask for: logits float [n, C], class indices int [n]."""
    return fit_temperature(logits, owners)


def measure_classes(
    names: list[str], counts: dict[str, list[int]], predicted: np.ndarray, owners: np.ndarray, seed: int
) -> list[ClassFigures]:
    """Returns the metrics of each class.

    Args:
        names: of the classes.
        counts: images of each in the splits `train` and `held_out`.
        predicted: class index of each reported image, int [n].
        owners: its true one; -1 for a class that is none of them.
        seed: of the bootstrap.
    """
    found = []
    for number, name in enumerate(names):
        own = owners == number
        right = predicted[own] == number
        found.append(
            ClassFigures(
                name,
                counts["train"][number],
                counts["held_out"][number],
                int(own.sum()),
                int(right.sum()),
                int((predicted == number).sum()),
                mean_measure(ACCURACY, right, seed) if own.any() else None,
            )
        )
    return found


def difference(over: str, right: np.ndarray, others: np.ndarray, seed: int) -> Difference:
    """Compares two classifiers image by image: right or wrong, bool [n] each."""
    gained = right.astype(np.float64) - others
    low, high = mean_interval(gained, seed)
    return Difference(over, float(gained.mean()), low, high)
