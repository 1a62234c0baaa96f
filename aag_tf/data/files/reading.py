"""How the images of a data set are read: the settings of reading, with what the files themselves decide resolved."""

import dataclasses
import math
from typing import Self

from aag_tf.config import ReadingConfig
from aag_tf.config.reading import FITS, LARGEST_MAX_PIXELS, MAX_PIXELS, PAGES, read_range

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """How the images of a data set are read; a run records it, and its evaluation, export and embedding repeat it.

    Args:
        value_range: values of 16-bit, signed, 32-bit and floating-point images that become 0 and 255; `None` where the
            data set has 8-bit images alone, which are read as they are.
        fit: how a picture comes to the size of the images: `crop`, `pad` or `stretch`.
        pages: which pages of a file are images: `first` or `each`.
        max_pixels: pixels of the largest picture that is decoded.

    Raises:
        ValueError: a value is none of these.
    """

    value_range: Range | None = None
    fit: str = ReadingConfig.fit
    pages: str = ReadingConfig.pages
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.value_range is not None:
            low, high = self.value_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"its 'value_range' is {[low, high]}")
        for name, allowed in (("fit", FITS), ("pages", PAGES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"its {name!r} is {getattr(self, name)!r}")
        if not 1 <= self.max_pixels <= LARGEST_MAX_PIXELS:
            raise ValueError(f"its 'max_pixels' is {self.max_pixels}")

    @classmethod
    def of(cls, config: ReadingConfig, value_range: Range | None = None) -> Self:
        """Returns the reading of a data set.

        Args:
            config: the settings.
            value_range: what `auto` or `percentile` found in the files; a range that is set goes before.
        """
        return cls(
            value_range=read_range(config.value_range) or value_range,
            fit=config.fit,
            pages=config.pages,
            max_pixels=config.max_pixels,
        )

    def settings(self, config: ReadingConfig) -> ReadingConfig:
        """Returns the settings that read other files as these were read; what this does not decide is as in `config`.

        A data set of 8-bit images alone has no range for deeper ones, so that `auto` finds it anew.
        """
        span = "auto" if self.value_range is None else "{!r}..{!r}".format(*map(float, self.value_range))
        return dataclasses.replace(config, value_range=span, fit=self.fit, pages=self.pages, max_pixels=self.max_pixels)


# Of runs that did not record it: 16-bit gray by its whole range, the center cropped.
BEFORE_IT_WAS_RECORDED = Reading(value_range=(0.0, 65_535.0))
