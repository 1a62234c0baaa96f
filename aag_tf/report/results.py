"""Results side by side, as the cells of a table and as dots with their intervals."""

import dataclasses
from collections.abc import Sequence

from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import MAJORITY, FeatureResult, measure_titles

WIDTH = 360
LEFT, RIGHT = 130, 22  # of the plot, for names and for half a tick's text
LINE = 18  # pixels from one dot to the next


@dataclasses.dataclass(frozen=True)
class Cell:
    """A metric as text; the best share of a row is marked."""

    value: str
    interval: str = ""
    best: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """A metric: its title, and a cell for each column."""

    name: str
    cells: list[Cell]


@dataclasses.dataclass(frozen=True)
class Table:
    """A row for each metric, a column for each feature set or run."""

    columns: list[str]
    rows: list[Row]


@dataclasses.dataclass(frozen=True)
class Dot:
    """One accuracy in the plot: its feature set, its place, and the ends of its interval."""

    name: str
    y: float
    x: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Group:
    """The dots of one metric."""

    name: str
    y: float
    dots: list[Dot]


@dataclasses.dataclass(frozen=True)
class DotPlot:
    """Accuracies between 0 and 100 %, ready to be drawn."""

    width: int
    height: float
    top: float
    bottom: float
    ticks: list[tuple[float, str]]
    groups: list[Group]


def make_table(results: Sequence[FeatureResult]) -> Table:
    """Returns the table of metrics, with a column for each result; a metric that a result lacks is a dash."""
    rows = []
    for name, title in measure_titles(results).items():
        found = [result.measure(name) for result in results]
        shares = [measure.value for measure in found if measure is not None and measure.low is not None]
        best = max(shares) if len(set(shares)) > 1 else None
        rows.append(Row(title, [_cell(measure, best) for measure in found]))
    return Table([result.features for result in results], rows)


def plot_dots(results: Sequence[FeatureResult]) -> DotPlot | None:
    """Returns the accuracies as dots, with a group for each metric; `None` where there are none."""
    groups = []
    y = float(LINE)
    for name, title in measure_titles(results).items():
        if name == MAJORITY:  # the same for all
            continue
        dots: list[Dot] = []
        for result in results:
            measure = result.measure(name)
            if measure is not None and measure.low is not None and measure.high is not None:
                place = y + (len(dots) + 1) * LINE
                dots.append(Dot(_cut(result.features), place, _x(measure.value), _x(measure.low), _x(measure.high)))
        if dots:
            groups.append(Group(title, y, dots))
            y += (len(dots) + 1.5) * LINE
    if not groups:
        return None
    bottom = y - LINE
    return DotPlot(
        WIDTH, bottom + 22, 4, bottom, [(_x(tick / 100), f"{tick}\u00a0%") for tick in range(0, 101, 25)], groups
    )


def _cell(measure: Measure | None, best: float | None) -> Cell:
    if measure is None:
        return Cell("–")
    if measure.low is None or measure.high is None:
        return Cell(f"{measure.value:.4g}")
    interval = f"{100 * measure.low:.1f} to {100 * measure.high:.1f}"
    return Cell(f"{100 * measure.value:.2f}\u00a0%", interval, measure.value == best)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _cut(name: str, most: int = 19) -> str:
    return name if len(name) <= most else "…" + name[1 - most :]
