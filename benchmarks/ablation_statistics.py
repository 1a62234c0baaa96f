"""Statistics of the study: means over seeds, paired differences with intervals, views needed to reach an accuracy."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A paired difference over seeds with its 95 % interval (Student's t); no interval from a single pair."""

    mean: float
    low: float
    high: float
    pairs: int


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """`first - second` over the seeds that both have.

    Raises:
        ValueError: they share no seed.
    """
    seeds = sorted(set(first) & set(second))
    if not seeds:
        raise ValueError("there is no seed that both have run")
    differences = np.array([first[seed] - second[seed] for seed in seeds])
    mean = float(differences.mean())
    if len(seeds) == 1:
        return Difference(mean, float("nan"), float("nan"), 1)
    error = float(differences.std(ddof=1)) / len(seeds) ** 0.5
    half = float(scipy.stats.t.ppf(0.975, len(seeds) - 1)) * error
    return Difference(mean, mean - half, mean + half, len(seeds))


def adjusted_intervals(control: Sequence[float], others: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Dunnett's 95 % interval for the mean of each of `others` less that of `control`.

    The intervals hold for all comparisons at once, and take the spread between seeds from all of the samples.
    """
    found = scipy.stats.dunnett(*others, control=control, rng=0).confidence_interval(0.95)
    return [(float(low), float(high)) for low, high in zip(found.low, found.high, strict=True)]


def batches_of(records: Iterable[Record], stage: str) -> list[int]:
    """The batch sizes that a stage has results of, the smallest first."""
    return sorted({record["batch"] for record in records if record["stage"] == stage})


def by_seed(records: Iterable[Record], split: str, measure: str, **wanted: Any) -> dict[int, float]:
    """`{seed: accuracy in per cent}` of the records whose fields are as wanted."""
    return {
        record["seed"]: 100.0 * record[split][measure]
        for record in records
        if all(record.get(name) == value for name, value in wanted.items())
    }


def peak_memory(records: Iterable[Record], method: str, batch: int) -> float | None:
    """The most that a final run at equal views held, in MiB; `None` where there is none yet."""
    own = (r for r in records if (r["stage"], r["method"], r["batch"]) == ("compute", method, batch))
    return max((record["peak_mib"] for record in own), default=None)


def mean_and_deviation(values: Iterable[float]) -> str:
    """`65.2 ± 0.3`: mean and standard deviation over seeds."""
    array = np.array(list(values))
    if len(array) == 0:
        return "–"
    return f"{array.mean():.1f} ± {array.std(ddof=1):.1f}" if len(array) > 1 else f"{array[0]:.1f}"


def mean_curve(curves: Iterable[Sequence[Sequence[float]]]) -> list[tuple[float, float]]:
    """The mean of curves of [views, accuracy] at the views of the first one, by straight lines; empty for none."""
    found = [np.array(curve) for curve in curves]
    if not found:
        return []
    views = found[0][:, 0]
    accuracy = np.mean([np.interp(views, curve[:, 0], curve[:, 1]) for curve in found], axis=0)
    return [(float(x), float(y)) for x, y in zip(views, accuracy, strict=True)]


def views_to_reach(curve: Sequence[Sequence[float]], accuracy: float) -> float | None:
    """The first number of views at which a curve of [views, accuracy] is as high, by straight lines between points.

    `None` where it never is. Before its first point a curve is taken to rise from there only.
    """
    for index, (views, value) in enumerate(curve):
        if value >= accuracy:
            if index == 0:
                return float(views)
            before, lower = curve[index - 1]
            return float(before + (views - before) * (accuracy - lower) / (value - lower))
    return None
