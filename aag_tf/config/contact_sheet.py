"""What `aag-augment` draws."""

import dataclasses
import math

from aag_tf.config.augment import AugmentConfig
from aag_tf.config.checks import normalize_text, require, require_range
from aag_tf.config.data import DataConfig


@dataclasses.dataclass(frozen=True)
class ContactSheetConfig:
    """A picture of images beside their views.

    Args:
        out: the PNG file that is written.
        images: rows of the sheet.
        strengths: strengths of the auxiliary branch side by side, as numbers between commas; `None` for half of
            `aux_strength`, itself, and twice that.
        seed: decides which images are shown, and every random number of their views.
        overwrite: whether `out` may be replaced.
    """

    out: str = "views.png"
    images: int = 8
    strengths: str | None = None
    seed: int = 0
    overwrite: bool = False
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        normalize_text(self)
        require(self.out.lower().endswith(".png"), f"--out={self.out} is no PNG file; name one that ends in .png.")
        require_range("images", self.images, 1, 64)
        require_range("seed", self.seed, 0, 2**31 - 1)
        require(
            len(self.strength_values) <= 6, f"--strengths={self.strengths} are too many for a sheet; give at most 6."
        )

    @property
    def strength_values(self) -> tuple[float, ...]:
        """Strengths of the auxiliary branch that are shown.

        Raises:
            ConfigError: one is no number in [0, 2].
        """
        if self.strengths is None:
            strength = self.augment.aux_strength
            return tuple(dict.fromkeys([strength / 2.0, strength, min(2.0 * strength, 2.0)]))
        return tuple(_strength(text, self.strengths) for text in self.strengths.split(","))


def _strength(text: str, given: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    require(
        0.0 <= value <= 2.0,
        f"--strengths={given} is no list of numbers from 0 to 2; write it like --strengths=0.5,1,2.",
    )
    return value
