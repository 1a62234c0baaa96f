"""Ticks of the axes of a chart: round numbers, and their text."""

import math

STEPS = (1, 2, 5, 10)


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Returns at most `most` multiples of 1, 2 or 5 times a power of ten in [low, high], where `low < high`."""
    rough = (high - low) / (most - 1)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    for factor in STEPS:
        step = factor * magnitude
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)]
    raise AssertionError("ten times the magnitude is more than the rough step")


def short(value: float) -> str:
    """Formats a number with at most four significant digits, thousands as k and millions as M."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / {'M': 1e6, 'k': 1e3}[unit]:.4g} {unit}"
    return f"{value:.4g}"
