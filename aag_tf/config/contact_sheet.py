"""What `aag-augment` draws."""

import dataclasses

from aag_tf.config.augment import LARGEST_STRENGTH, AugmentConfig
from aag_tf.config.checks import listed, require
from aag_tf.config.data import DataConfig
from aag_tf.config.schedule import LARGEST_SEED
from aag_tf.config.setting import check_settings, setting


@dataclasses.dataclass(frozen=True)
class ContactSheetConfig:
    """The sheet: how many images, at which strengths, and which file."""

    out: str = setting(
        "views.png",
        "PNG file that the sheet is written to.",
        is_path=True,
    )
    images: int = setting(8, "Images on the sheet, a row each.", low=1, high=64)
    strengths: str | None = setting(
        None,
        "Up to six strengths of the auxiliary branch to show side by side, like 0.5,1,2; from the same random numbers, "
        "so that a row shows the same views growing stronger. Default: half of --aux_strength, itself and twice that.",
        low=0.0,
        high=LARGEST_STRENGTH,
        several=True,
        if_empty="give strengths like --strengths=0.5,1,2",
    )
    seed: int = setting(
        0,
        "Decides which images are shown and how their views are drawn; change it to see others.",
        low=0,
        high=LARGEST_SEED,
    )
    overwrite: bool = setting(False, "Replace the file --out if it exists.")
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        require(self.out.lower().endswith(".png"), f"--out={self.out} is no PNG file; name one that ends in .png.")
        require(
            len(self.strength_values) <= 6, f"--strengths={self.strengths} are too many for a sheet; give at most 6."
        )

    @property
    def strength_values(self) -> tuple[float, ...]:
        """Strengths of the auxiliary branch that are shown, in the order given."""
        if self.strengths is None:
            strength = self.augment.aux_strength
            return tuple(dict.fromkeys([strength / 2.0, strength, min(2.0 * strength, LARGEST_STRENGTH)]))
        return tuple(float(part) for part in listed(self.strengths))
