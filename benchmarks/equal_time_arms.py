"""The arms of equal_time.py: flags of `aag-train` after those that all share, and the arm that is as fast."""

from typing import NamedTuple

from asymmetric_train import ROLES


class Arm(NamedTuple):
    """One change of the recipe.

    Args:
        flags: of `aag-train`.
        as_fast_as: an arm whose steps do the same work, so that its speed need not be measured; `None` for no such arm.
        role: of auxiliary views in the loss of `asymmetric_train.py`; `None` for the loss of the package.
    """

    flags: tuple[str, ...]
    as_fast_as: str | None = None
    role: str | None = None


def _alike(*flags: str, arm: str = "recipe") -> Arm:
    return Arm(flags, arm)


RECIPE, MUON, SMALL = "recipe", "muon, 0.01", "2 auxiliary views of 16 px"
MUON_SMALL = "muon, 0.01, 2 auxiliary views of 16 px"
MUON_FOUR_SMALL = "muon, 0.02, 4 auxiliary views of 16 px"
_MUON = ("--optimizer=muon", "--learning_rate=0.01")
_FASTER = ("--optimizer=muon", "--learning_rate=0.02")
_SMALL = ("--aux_views=2", "--aux_size=16")
_FOUR_SMALL = ("--aux_views=4", "--aux_size=16")
ARMS = {
    RECIPE: Arm(()),
    "two main views": Arm(("--aux=none",)),
    SMALL: Arm(_SMALL),
    "4 auxiliary views of 16 px": Arm(_FOUR_SMALL),
    "2 auxiliary views of 20 px": Arm(("--aux_views=2", "--aux_size=20")),
    MUON: Arm(_MUON),
    "muon, 0.0035": _alike("--optimizer=muon", arm=MUON),
    "muon, 0.02": _alike(*_FASTER, arm=MUON),
    "muon, 0.04": _alike("--optimizer=muon", "--learning_rate=0.04", arm=MUON),
    "muon, 0.02, weight decay 0.01": _alike(*_FASTER, "--weight_decay=0.01", arm=MUON),
    "muon, 0.02, momentum 0.95": _alike(*_FASTER, "--momentum=0.95", arm=MUON),
    "muon, 0.02, crops from 10 % of the area": _alike(*_FASTER, "--crop_min_area=0.1", arm=MUON),
    "muon, 0.02, projector of 256": Arm((*_FASTER, "--projector_width=256")),
    "muon, 0.02, batch 128": Arm((*_FASTER, "--global_batch_size=128")),
    "muon, 0.02, two main views": Arm((*_FASTER, "--aux=none")),
    "muon, 0.02, width 1": Arm((*_FASTER, "--width=1")),
    "muon, 0.02, width 2": Arm((*_FASTER, "--width=2")),
    "muon, 0.02, temperature 0.1": _alike(*_FASTER, "--temperature=0.1", arm=MUON),
    "muon, 0.02, temperature 0.25": _alike(*_FASTER, "--temperature=0.25", arm=MUON),
    MUON_SMALL: Arm((*_MUON, *_SMALL)),
    "muon, 0.02, 2 auxiliary views of 16 px": _alike(*_FASTER, *_SMALL, arm=MUON_SMALL),
    MUON_FOUR_SMALL: Arm((*_FASTER, *_FOUR_SMALL)),
    "muon, 0.02, width 1, 4 auxiliary views of 16 px": Arm((*_FASTER, "--width=1", *_FOUR_SMALL)),
    "muon, 0.02, 4 auxiliary views of 16 px, temperature 0.1": _alike(
        *_FASTER, *_FOUR_SMALL, "--temperature=0.1", arm=MUON_FOUR_SMALL
    ),
    **{
        f"muon, 0.02, 4 auxiliary views of 16 px, role {role}": Arm(
            (*_FASTER, *_FOUR_SMALL), as_fast_as=MUON_FOUR_SMALL, role=role
        )
        for role in ROLES
    },
    "width 1": Arm(("--width=1",)),
    "width 2": Arm(("--width=2",)),
    "batch 128, 0.005": Arm(("--global_batch_size=128", "--learning_rate=0.005")),
    "averaged weights, 0.99": Arm(("--ema_momentum=0.99",)),
    "adamw, 0.007": _alike("--learning_rate=0.007"),
    "adamw, 0.012": _alike("--learning_rate=0.012"),
    "weight decay 0.05": _alike("--weight_decay=0.05"),
    "crops from 8 % of the area": _alike("--crop_min_area=0.08"),
    "crops from 10 %, 2 auxiliary views of 16 px": _alike("--crop_min_area=0.1", *_SMALL, arm=SMALL),
    "one softmax, out, κ = 1": _alike("--positives=out", "--coupling=1"),
    "one softmax, in": _alike("--positives=in"),
    "DCLW": _alike("--dclw_sigma=0.5"),
    "RINCE, q = 0.1": _alike("--rince_q=0.1"),
    "gradient not scaled by the norm": _alike("--normalization_gradient=unscaled"),
}
