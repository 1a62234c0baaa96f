"""Geometry of a small line chart, and its content in words."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from aag_tf.report.ticks import round_ticks, short

WIDTH, HEIGHT = 340, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 32  # what the numbers at the axes need
SIZE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}
MOST_POINTS = 300  # of a line; more are not visible at this size
PERCENT = "\u00a0%"


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a chart: its name, its SVG path, and its first, last, lowest and highest value as text."""

    name: str
    path: str
    first: str
    last: str
    lowest: str
    highest: str

    @property
    def words(self) -> str:
        """A description of the line, for readers who do not see it."""
        return f"{self.name}: {self.first} at first, {self.last} at last, lowest {self.lowest}, highest {self.highest}"


@dataclasses.dataclass(frozen=True)
class Chart:
    """A line chart, ready to be drawn in a box of `WIDTH` by `HEIGHT`.

    Args:
        title: of the chart.
        lines: at least one.
        x_ticks, y_ticks: (position, text).
        x_name: unit of the horizontal axis.
        x_range: first and last value of the horizontal axis, as text.
    """

    title: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_name: str
    x_range: tuple[str, str]


def line_chart(title: str, series: Mapping[str, np.ndarray], *, x_name: str, percent: bool = False) -> Chart | None:
    """Lays out the lines that have two finite points or more; returns `None` where there are none.

    Args:
        title: of the chart.
        series: positions and values, float [2, n], by the name of the line. Values are in [0, 1] if `percent`; the line
            bridges values that are not finite.
        x_name: unit of the positions.
        percent: whether values are written in percent.
    """
    scale = np.array([[1.0], [100.0 if percent else 1.0]])
    finite = {name: points[:, np.isfinite(points).all(axis=0)] * scale for name, points in series.items()}
    finite = {name: points for name, points in finite.items() if points.shape[1] >= 2}
    if not finite:
        return None
    everything = np.concatenate(list(finite.values()), axis=1)
    (left, bottom), (right, top) = everything.min(axis=1).tolist(), everything.max(axis=1).tolist()
    margin = 0.05 * (top - bottom) or 0.05 * abs(top) or 1.0  # puts a constant line in the middle
    bottom, top = bottom - margin, top + margin
    right = max(right, left + 1)

    def x(positions: np.ndarray | float) -> np.ndarray | float:
        return LEFT + (positions - left) / (right - left) * (WIDTH - LEFT - RIGHT)

    def y(values: np.ndarray | float) -> np.ndarray | float:
        return TOP + (top - values) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    unit = PERCENT if percent else ""
    lines = []
    for name, (positions, values) in finite.items():
        drawn = np.stack([x(_thinned(positions)), y(_thinned(values))], axis=1)
        path = "M" + " ".join(f"{across:.1f},{down:.1f}" for across, down in drawn)
        described = (values[0], values[-1], values.min(), values.max())
        lines.append(Line(name, path, *(short(value) + unit for value in described)))
    return Chart(
        title=title,
        lines=lines,
        x_ticks=[(float(x(tick)), short(tick)) for tick in round_ticks(left, right)],
        y_ticks=[(float(y(tick)), short(tick) + unit) for tick in round_ticks(bottom, top)],
        x_name=x_name,
        x_range=(f"{left:,.0f}", f"{right:,.0f}"),
    )


def _thinned(values: np.ndarray) -> np.ndarray:
    """Averages stretches of equal length where there are more than `MOST_POINTS` values."""
    if len(values) <= MOST_POINTS:
        return values
    return np.array([part.mean() for part in np.array_split(values, MOST_POINTS)])
