"""The arms of the controls: which branch draws each view. `docs/measurements/controls.md` says what they are for."""

import dataclasses

MAIN = "main"
CROP = "crop"
SOLARIZE_CUTOUT = "solarize_cutout"
DEFAULT = "default"

BRANCHES = {
    MAIN: "the package's main branch: crops from 20 % of the area, flip, color jitter, grayscale",
    CROP: "the main branch with crops from 8 %, as SimCLR's",
    SOLARIZE_CUTOUT: "the main branch with solarizing and cutout as in `default`; crops from 20 %",
    DEFAULT: "the auxiliary preset: the main branch with crops from 8 %, solarizing and cutout",
}

Views = tuple[str, ...]

TWO_VIEWS: dict[str, Views] = {
    "SimCLR, crop 0.20": (MAIN, MAIN),
    "SimCLR, crop 0.08": (CROP, CROP),
    "two default views": (DEFAULT, DEFAULT),
    "one main, one default": (MAIN, DEFAULT),
}
AUXILIARY: dict[str, Views] = {
    "AAG, main crop 0.20": (MAIN, MAIN, DEFAULT),
    "AAG, main crop 0.08": (CROP, CROP, DEFAULT),
    "AAG, auxiliary crop only": (MAIN, MAIN, CROP),
    "AAG, auxiliary solarize and cutout only": (MAIN, MAIN, SOLARIZE_CUTOUT),
}
THREE_DEFAULT: dict[str, Views] = {"three default views": (DEFAULT, DEFAULT, DEFAULT)}
ARMS = TWO_VIEWS | AUXILIARY | THREE_DEFAULT
AT_EQUAL_EPOCHS = ("AAG, main crop 0.20", "AAG, main crop 0.08", "three default views")
COUPLINGS = (1, 0)


@dataclasses.dataclass(frozen=True)
class Setting:
    """Temperature and learning rate of a run."""

    temperature: float
    learning_rate: float


# What the first study's trials chose for SimCLR, for AAG at κ = 1 and for AAG at κ = 0 alike, at this batch size.
SHARED = Setting(temperature=0.17, learning_rate=0.0042)
COLOR_STRENGTH = 0.45
BATCH = 64

TEMPERATURES = (0.25, 0.17, 0.1, 0.07)
LEARNING_RATES = (0.0042, 0.007, 0.012)
GRID = tuple(Setting(temperature, rate) for temperature in TEMPERATURES for rate in LEARNING_RATES)
