"""The bands of an image that stand for it in pictures: one rule for previews, reports and galleries."""

import dataclasses

import numpy as np
import numpy.typing as npt

from aag_tf.config.reading import read_bands
from aag_tf.utils.errors import DataError

GRAY, COLOR = 1, 3  # numbers of channels that are pictures as they are


@dataclasses.dataclass(frozen=True)
class ShownBands:
    """Bands that are shown in place of an image, one as gray, or three as red, green and blue.

    Args:
        channels: of the images.
        bands: their numbers, the first band being 1.
    """

    channels: int
    bands: tuple[int, ...]

    def picture(self, images: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Returns the shown bands of one or many images: [..., channels] to [..., 1 or 3]; gray and RGB unchanged."""
        if self.is_whole:
            return images
        return images[..., [band - 1 for band in self.bands]]

    @property
    def is_whole(self) -> bool:
        """Whether images are gray or RGB, and pictures as they are."""
        return self.channels in (GRAY, COLOR)

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """Red, green and blue of pictures, from 0 on; `None` for gray and RGB images."""
        if self.is_whole:
            return None
        red, green, blue = (band - 1 for band in (self.bands if len(self.bands) == COLOR else self.bands * COLOR))
        return red, green, blue

    @property
    def caption(self) -> str:
        """What pictures show, for people; empty for gray and RGB images."""
        if self.is_whole:
            return ""
        names = ", ".join(map(str, self.bands[:-1])) + " and " if len(self.bands) > 1 else ""
        what = f"bands {names}{self.bands[-1]}" if names else f"band {self.bands[0]}"
        colors = "as red, green and blue" if names else "as gray"
        return f"pictures show {what} of {self.channels} {colors} (--shown_bands)"


def choose_bands(channels: int, shown_bands: str | None = None) -> ShownBands:
    """Chooses the bands that pictures show.

    Args:
        channels: of the images.
        shown_bands: value of `--shown_bands`, for images with neither one nor three channels; `None` means their first
            three bands, or the first alone where there are two.

    Raises:
        DataError: the images lack one of the bands.
    """
    if channels in (GRAY, COLOR):
        return ShownBands(channels, tuple(range(1, channels + 1)))
    if shown_bands is None:
        return ShownBands(channels, (1,) if channels < COLOR else (1, 2, 3))
    bands = read_bands(shown_bands)
    if max(bands) > channels:
        raise DataError(
            f"--shown_bands={shown_bands} names band {max(bands)}, and the images have {channels}; choose three "
            f"numbers from 1 to {channels}."
        )
    return ShownBands(channels, bands)
