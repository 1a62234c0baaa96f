"""One figure of an evaluation, and the usual way to one: a mean over images with its bootstrap interval."""

import dataclasses
from typing import Any

import numpy as np

from aag_tf.evaluation.bootstrap import mean_interval


@dataclasses.dataclass(frozen=True)
class Measure:
    """One figure.

    Args:
        name: `knn`, `linear`, `few_labels_probe_1%`, ...: a key of `results.TITLES`, or one with a percentage behind.
        value: a share in [0, 1] (accuracies and purity), or a plain number.
        n: how many images it was measured on.
        low, high: the 95 % bootstrap interval of a share over these images, `None` for plain numbers.
        details: what else there is to know: settings, seconds, draws.
    """

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


def mean_measure(name: str, values: np.ndarray, seed: int, **details: Any) -> Measure:
    """The mean over images of numbers in [0, 1], with its interval.

    Args:
        name: of the measure.
        values: [n], one for each image; booleans for right and wrong.
        seed: of the bootstrap.
        **details: of the measure.
    """
    low, high = mean_interval(values, seed)
    return Measure(name, float(np.mean(values)), len(values), low, high, details)
