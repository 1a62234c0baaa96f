"""One metric of an evaluation, and the usual way to compute one: a mean over images with its bootstrap interval."""

import dataclasses
from typing import Any

import numpy as np

from aag_tf.evaluation.bootstrap import mean_interval


@dataclasses.dataclass(frozen=True)
class Measure:
    """One metric.

    Args:
        name: a key of `results.TITLES` ("knn", "linear"), for some followed by a percentage ("few_labels_probe_1%").
        value: a share in [0, 1] (accuracies and purity), or a plain number.
        n: the number of images that it was measured on.
        low, high: the 95 % bootstrap interval of a share over these images; `None` for plain numbers.
        details: settings, seconds, the accuracy of each draw and the like.
    """

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


def mean_measure(name: str, values: np.ndarray, seed: int, **details: Any) -> Measure:
    """Mean over images of numbers in [0, 1], with its interval.

    Args:
        name: of the metric.
        values: [n], one for each image; booleans for right and wrong.
        seed: of the bootstrap.
        **details: of the metric.
    """
    low, high = mean_interval(values, seed)
    return Measure(name, float(np.mean(values)), len(values), low, high, details)
