"""How good a classifier is on held-out labels: the one number that everything is chosen by, and metrics beside it."""

import dataclasses
import math

import numpy as np

from aag_tf.evaluation.calibration import cross_entropy, fit_temperature


@dataclasses.dataclass(frozen=True)
class HeldOutScore:
    """Metrics on held-out images.

    Args:
        cross_entropy: mean over classes of the mean of their images, at the temperature that suits them best; infinite
            for logits that are not finite. The lowest is chosen.
        accuracy: over images, in [0, 1].
        balanced_accuracy: mean over classes of their accuracy.
    """

    cross_entropy: float
    accuracy: float
    balanced_accuracy: float


def score(logits: np.ndarray, owners: np.ndarray) -> HeldOutScore:
    """Returns the metrics of a classifier on held-out images.

    Cross-entropy is chosen by, since accuracies of some dozens of images are mostly ties; at the best temperature,
    since confidence is corrected in the end, and classifiers that differ in it alone are equally good.

    Args:
        logits: float [n, C].
        owners: class index of each image, int [n].
    """
    if not np.isfinite(logits).all():
        return HeldOutScore(math.inf, 0.0, 0.0)
    weights = class_weights(owners)
    temperature = fit_temperature(logits, owners, weights)
    right = np.argmax(logits, axis=1) == owners
    return HeldOutScore(
        # float32, as checkpoints keep it, so that a resumed training compares the same numbers
        float(np.float32(weights @ cross_entropy(logits, owners, temperature))),
        float(right.mean()),
        float(weights @ right),
    )


def class_weights(owners: np.ndarray) -> np.ndarray:
    """Returns weights of images with which every class counts equally, float64 [n] with sum 1."""
    _, indices, counts = np.unique(owners, return_inverse=True, return_counts=True)
    return 1.0 / (len(counts) * counts[indices])
