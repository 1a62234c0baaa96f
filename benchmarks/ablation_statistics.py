"""Statistics of the study: means over seeds, paired differences with intervals, views needed for an accuracy."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats
from benchmark_tools import Row as Record

Curve = Sequence[Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A paired difference over seeds with its 95 % interval (Student's t); no interval from a single pair."""

    mean: float
    low: float
    high: float
    pairs: int

    def text(self, form: str = "+.1f") -> str:
        """Returns `mean [low, high]`, each in this form; the mean alone where there is no interval."""
        interval = "" if np.isnan(self.low) else f" [{self.low:{form}}, {self.high:{form}}]"
        return f"{self.mean:{form}}{interval}"


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """Returns `first - second` over the seeds that both have.

    Raises:
        ValueError: they share no seed.
    """
    seeds = sorted(set(first) & set(second))
    if not seeds:
        raise ValueError("the two have no seed in common")
    differences = np.array([first[seed] - second[seed] for seed in seeds])
    mean = float(differences.mean())
    if len(seeds) == 1:
        return Difference(mean, float("nan"), float("nan"), 1)
    error = float(differences.std(ddof=1)) / len(seeds) ** 0.5
    half = float(scipy.stats.t.ppf(0.975, len(seeds) - 1)) * error
    return Difference(mean, mean - half, mean + half, len(seeds))


def adjusted_intervals(control: Sequence[float], others: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Returns Dunnett's 95 % interval for the mean of each of `others` minus that of `control`.

    The intervals hold for all comparisons at once; the variance between seeds is estimated from all samples.
    """
    found = scipy.stats.dunnett(*others, control=control, rng=0).confidence_interval(0.95)
    return [(float(low), float(high)) for low, high in zip(found.low, found.high, strict=True)]


def batches_of(records: Iterable[Record], stage: str) -> list[int]:
    """Returns the batch sizes with results in a stage, the smallest first."""
    return sorted({record["batch"] for record in records if record["stage"] == stage})


def by_seed(records: Iterable[Record], split: str, measure: str, **wanted: Any) -> dict[int, float]:
    """Returns `{seed: accuracy in percent}` of the records with these field values."""
    return {
        record["seed"]: 100.0 * record[split][measure]
        for record in records
        if all(record.get(name) == value for name, value in wanted.items())
    }


def peak_memory(records: Iterable[Record], method: str, batch: int) -> float | None:
    """Returns the median peak memory of the final runs at equal views, in MiB; `None` if there is none yet."""
    own = [r["peak_mib"] for r in records if (r["stage"], r["method"], r["batch"]) == ("compute", method, batch)]
    return float(np.median(own)) if own else None


def mean_and_deviation(values: Iterable[float]) -> str:
    """Formats mean and standard deviation over seeds: `65.2 ± 0.3`."""
    array = np.array(list(values))
    if len(array) == 0:
        return "–"
    return f"{array.mean():.1f} ± {array.std(ddof=1):.1f}" if len(array) > 1 else f"{array[0]:.1f}"


def mean_curve(curves: Iterable[Curve]) -> list[tuple[float, float]]:
    """Averages curves of [views, accuracy] at the views of the first, with linear interpolation."""
    found = [np.array(curve) for curve in curves]
    if not found:
        return []
    views = found[0][:, 0]
    accuracy = np.mean([np.interp(views, curve[:, 0], curve[:, 1]) for curve in found], axis=0)
    return [(float(x), float(y)) for x, y in zip(views, accuracy, strict=True)]


def views_to_reach(curve: Curve, accuracy: float) -> float | None:
    """Returns the number of views at which a curve of [views, accuracy] first reaches an accuracy, interpolated.

    Returns `None` if it never does, and the views of the first point if that point is already high enough.
    """
    for index, (views, value) in enumerate(curve):
        if value >= accuracy:
            if index == 0:
                return float(views)
            before, lower = curve[index - 1]
            return float(before + (views - before) * (accuracy - lower) / (value - lower))
    return None


def share_to_reach(own: Mapping[int, Curve], other: Mapping[int, Curve]) -> tuple[float, float, float]:
    """Returns the share of views after which the mean curve of `own` reaches the end of that of `other`.

    Args:
        own: a curve of [views, accuracy] by seed.
        other: the same of what is to be reached, at least of one seed of `own`.

    Returns:
        The share, 0 to 1, and its 95 % percentile interval over 2 000 draws of the seeds that both have; `inf` where it
        is not reached.
    """
    seeds = sorted(set(own) & set(other))
    draws = np.random.default_rng(0).choice(seeds, (2000, len(seeds)))

    def share(drawn: Sequence[int]) -> float:
        curve = mean_curve(own[seed] for seed in drawn)
        views = views_to_reach(curve, mean_curve(other[seed] for seed in drawn)[-1][1])
        return float("inf") if views is None else views / curve[-1][0]

    low, high = np.percentile([share(drawn) for drawn in draws], [2.5, 97.5], method="nearest")
    return share(seeds), float(low), float(high)
