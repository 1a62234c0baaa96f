"""Presets of the auxiliary branch: operations that each adds to the main branch, with amounts at strength 1."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from aag_tf.utils.errors import ConfigError

# Operations and the units of their amounts, which go both ways in SIGNED; an amount of 0 is the identity.
SIGNED = {
    "rotate": "degrees",
    "shear_x": "shift per unit of height",
    "shear_y": "shift per unit of width",
    "translate_x": "share of the width",
    "translate_y": "share of the height",
    "brightness": "change of the factor",
    "contrast": "change of the factor about the mean gray",
    "saturation": "change of the factor",
    "sharpness": "change of the factor; negative smooths",
}
UNSIGNED = {
    "autocontrast": "share of the way to the full range",
    "equalize": "share of the way to a flat histogram",
    "posterize": "bits removed",
    "solarize": "share of the gray levels that are inverted, from the bright end",
    "invert": "share of the images that are inverted",
}
GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


@dataclasses.dataclass(frozen=True)
class Preset:
    """Operations and crops of an auxiliary branch beyond those of the main branch.

    Args:
        operations: largest amount of each operation at strength 1, by a name in `SIGNED` or `UNSIGNED`.
        probability: share of views that an operation is applied to.
        choose: number of random operations per view; `None` applies each operation with `probability` instead.
        crop_min_area: smallest share of the image that a crop shows; `None` keeps the main branch's.
        cutout: largest side of the square of cutout, as a share of the shorter side of the view; 0 for no cutout.
        cutout_probability: share of views with cutout.

    Raises:
        ConfigError: an operation is not known.
    """

    operations: Mapping[str, float] = dataclasses.field(default_factory=dict)
    probability: float = 0.5
    choose: int | None = None
    crop_min_area: float | None = None
    cutout: float = 0.0
    cutout_probability: float = 0.5

    def __post_init__(self) -> None:
        known = SIGNED | UNSIGNED
        unknown = [name for name in self.operations if name not in known]
        if unknown:
            raise ConfigError(f"the operation {unknown[0]} is not known; choose among {', '.join(known)}.")
        object.__setattr__(self, "operations", MappingProxyType(dict(self.operations)))


# RandAugment's operations and ranges (Cubuk et al. 2020, table 6 in the appendix).
_GEOMETRIC = {"rotate": 30.0, "shear_x": 0.3, "shear_y": 0.3, "translate_x": 0.3, "translate_y": 0.3}
_PHOTOMETRIC = {
    "autocontrast": 1.0,
    "equalize": 1.0,
    "brightness": 0.9,
    "contrast": 0.9,
    "saturation": 0.9,
    "sharpness": 0.9,
    "posterize": 4.0,
    "solarize": 1.0,
    "invert": 1.0,
}

PRESETS: dict[str, Preset] = {
    "default": Preset({"solarize": 0.5}, probability=0.2, crop_min_area=0.08, cutout=0.5),
    "cutout": Preset(cutout=0.5, cutout_probability=1.0),
    "geometric": Preset(_GEOMETRIC, probability=0.5),
    "randaugment": Preset(_GEOMETRIC | _PHOTOMETRIC, choose=2),
}
