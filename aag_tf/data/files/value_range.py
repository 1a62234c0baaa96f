"""The range of values of a data set's deep images: set by `--value_range`, or found in a sample of its files."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from aag_tf.config import ReadingConfig
from aag_tf.config.reading import PERCENTILE, read_range
from aag_tf.data.files.formats.decoded import Decoded
from aag_tf.data.files.reading import BEFORE_IT_WAS_RECORDED, Range
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger

Item = TypeVar("Item")

SAMPLED = 256  # images
PERCENTILES = (0.1, 99.9)
PIXELS_OF_AN_IMAGE = 20_000  # that percentiles are taken of


@dataclasses.dataclass(frozen=True)
class Values:
    """Values of a deep image.

    Args:
        low, high: lowest and highest, or those that its file asks to be shown; `None` if there is no number.
        some: float64 [k], evenly spaced ones.
        missing: whether some are no numbers.
    """

    low: float | None
    high: float | None
    some: npt.NDArray[np.float64]
    missing: bool
    windowed: bool = False


class Counts(NamedTuple):
    """Images of a data set: deep ones, and those of 8 bits."""

    deep: int
    shallow: int = 0


def values_of(pixels: npt.NDArray[Any], window: Range | None = None) -> Values:
    """Returns what decides on a range: numbers of any shape, without NaN and infinity."""
    flat = np.asarray(pixels).reshape(-1)
    finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    some = finite[:: max(1, len(finite) // PIXELS_OF_AN_IMAGE)].astype(np.float64)
    missing = len(finite) < len(flat)
    if len(finite) == 0:
        return Values(None, None, some, missing)
    low, high = window or (float(finite.min()), float(finite.max()))
    return Values(low, high, some, missing, windowed=window is not None)


def values_of_page(decoded: Decoded) -> Values | None:
    """`values_of` for a decoded page; `None` for one of 8 bits."""
    if not isinstance(decoded.pixels, np.ndarray) or decoded.pixels.dtype == np.uint8:
        return None
    return values_of(decoded.pixels, decoded.window)


def sample(numbers: Sequence[Item]) -> list[Item]:
    """Returns at most `SAMPLED` evenly spaced ones."""
    if len(numbers) <= SAMPLED:
        return list(numbers)
    return [numbers[place] for place in np.linspace(0, len(numbers) - 1, SAMPLED).round().astype(int)]


def say_unused(name: str, config: ReadingConfig) -> None:
    """Says that a range that is set has no effect on a data set of 8-bit images."""
    fixed = read_range(config.value_range)
    if fixed is not None and fixed != BEFORE_IT_WAS_RECORDED.value_range:
        logger.warning(
            "the range of values %s..%s (--value_range) has no effect on %s, whose images have 8 bits and are read "
            "as they are.",
            *(*map(_shown, fixed), name),
        )


def find_range(name: str, config: ReadingConfig, sampled: Iterable[Values], counts: Counts) -> Range:
    """Returns the range of a data set, and says where it comes from unless it is set.

    Args:
        name: of the data set.
        config: has `value_range`.
        sampled: values of a sample of its deep images; looked at only if the range is not set.
        counts: numbers of its images.

    Raises:
        DataError: all values are equal, or none is a number.
    """
    fixed = read_range(config.value_range)
    if fixed is not None:
        return fixed
    known = [values for values in sampled if values.low is not None and values.high is not None]
    if not known:
        raise DataError(f"the deep images of {name} hold no numbers at all (NaN); check how they were written.")
    lows = [values.low for values in known if values.low is not None]
    highs = [values.high for values in known if values.high is not None]
    low, high = min(lows), max(highs)
    how = "lowest and highest"
    if any(values.windowed for values in known):
        how = "by the windows that its files name, lowest and highest"
    if config.value_range == PERCENTILE:
        low, high = np.percentile(np.concatenate([values.some for values in known]), PERCENTILES).tolist()
        how = f"{PERCENTILES[0]:g}th and {PERCENTILES[1]:g}th percentile"
    if not low < high:
        raise DataError(
            f"every value of the deep images of {name} is {_shown(low)}{_about(config)}, so there is nothing to see; "
            "check the files, or name the range with --value_range=LOW..HIGH."
        )
    _tell(name, (low, high), how, known, counts)
    return low, high


def _tell(name: str, span: Range, how: str, known: list[Values], counts: Counts) -> None:
    of = f"of all {counts.deep:,}" if len(known) >= counts.deep else f"of a sample of {len(known):,}"
    beside = f" beside {counts.shallow:,} of 8 bits, which are read as they are" if counts.shallow else ""
    missing = sum(values.missing for values in known)
    black = f"; pixels that are no number, as in {missing:,} of these, are black" if missing else ""
    logger.warning(
        "%s has %s images of more than 8 bits%s: their values from %s to %s (%s %s) become black to white, others are "
        "clipped%s; --value_range=LOW..HIGH or percentile decides otherwise.",
        *(name, f"{counts.deep:,}", beside, _shown(span[0]), _shown(span[1]), how, of, black),
    )


def _about(config: ReadingConfig) -> str:
    return " from the 0.1th to the 99.9th percentile" if config.value_range == PERCENTILE else ""


def _shown(value: float) -> str:
    return f"{int(value):d}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
