"""Figures side by side, as the cells of a table and as dots with their intervals."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

WIDTH = 360
LEFT, RIGHT = 130, 22  # of the plot, for names and for half a tick's text
LINE = 18  # pixels from one dot to the next


class Figure(Protocol):
    """One figure, as `aag_tf.evaluation.Measure` has it: a share in [0, 1] with its interval, or a plain number."""

    @property
    def name(self) -> str:
        """Of the measure."""

    @property
    def value(self) -> float:
        """The figure."""

    @property
    def low(self) -> float | None:
        """The lower end of its 95 % interval; `None` for a plain number."""

    @property
    def high(self) -> float | None:
        """The upper end."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure as it is written; the best of a row of shares is marked."""

    value: str
    interval: str = ""
    best: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """A measure and its cell in each column."""

    name: str
    cells: list[Cell]


@dataclasses.dataclass(frozen=True)
class Table:
    """A row a measure, a column a set of features or a run."""

    columns: list[str]
    rows: list[Row]


@dataclasses.dataclass(frozen=True)
class Dot:
    """One accuracy in the plot: where it is, where its interval ends, and whose it is."""

    name: str
    y: float
    x: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Group:
    """The dots of one measure."""

    name: str
    y: float
    dots: list[Dot]


@dataclasses.dataclass(frozen=True)
class DotPlot:
    """Accuracies on a line from 0 to 100 %, ready to be drawn."""

    width: int
    height: float
    top: float
    bottom: float
    ticks: list[tuple[float, str]]
    groups: list[Group]


Columns = Mapping[str, Sequence[Figure]]


def make_table(columns: Columns, titles: Mapping[str, str]) -> Table:
    """The table of figures; a measure that a column lacks is a dash.

    Args:
        columns: figures by the heading of their column.
        titles: {name of a measure: what it is called}, in the order of the rows.
    """
    rows = []
    for name, title in titles.items():
        found = [_find(figures, name) for figures in columns.values()]
        shares = [figure.value for figure in found if figure is not None and figure.low is not None]
        best = max(shares) if len(shares) > 1 else None
        rows.append(Row(title, [_cell(figure, best) for figure in found]))
    return Table(list(columns), rows)


def plot_dots(columns: Columns, titles: Mapping[str, str]) -> DotPlot | None:
    """The accuracies among the figures, a group a measure; `None` where there are none."""
    groups = []
    y = float(LINE)
    for name, title in titles.items():
        found = {column: _find(figures, name) for column, figures in columns.items()}
        shares = {column: figure for column, figure in found.items() if figure is not None and figure.low is not None}
        if not shares:
            continue
        dots = []
        for row, (column, figure) in enumerate(shares.items(), start=1):
            low = figure.value if figure.low is None else figure.low
            high = figure.value if figure.high is None else figure.high
            dots.append(Dot(_cut(column), y + row * LINE, _x(figure.value), _x(low), _x(high)))
        groups.append(Group(title, y, dots))
        y += (len(dots) + 1.5) * LINE
    if not groups:
        return None
    bottom = y - LINE
    return DotPlot(
        WIDTH, bottom + 22, 4, bottom, [(_x(tick / 100), f"{tick}\u00a0%") for tick in range(0, 101, 25)], groups
    )


def _find(figures: Sequence[Figure], name: str) -> Figure | None:
    return next((figure for figure in figures if figure.name == name), None)


def _cell(figure: Figure | None, best: float | None) -> Cell:
    if figure is None:
        return Cell("–")
    if figure.low is None or figure.high is None:
        return Cell(f"{figure.value:.4g}")
    interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    return Cell(f"{100 * figure.value:.2f}\u00a0%", interval, figure.value == best)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _cut(name: str, most: int = 19) -> str:
    return name if len(name) <= most else "…" + name[1 - most :]
