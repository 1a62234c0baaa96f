"""Trains one arm of the controls: `aag-train`, with the branches of the arm in place of those that its flags name.

    python benchmarks/controls_train.py "--arm=two default views" --aux=none --dataset=digits --noflip --run_dir=/tmp/a

The package draws the first two views from its main branch. Here each view has a branch of its own, so that two or
three views may come from an auxiliary branch. Nothing else differs from `aag-train`.
"""

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from controls_arms import ARMS, CROP, DEFAULT, MAIN, SOLARIZE_CUTOUT
from study_train import split_choice, train

from aag_tf.commands._app import quiet_start, run_command

if TYPE_CHECKING:
    from aag_tf.augment import Branch, ViewMaker
    from aag_tf.config import AugmentConfig

CROP_MIN_AREA = {MAIN: 0.2, CROP: 0.08, SOLARIZE_CUTOUT: 0.2, DEFAULT: 0.2}  # `default` widens it to 0.08 by itself
OPTION = "--arm="


def views_of(arm: str, config: "AugmentConfig", *, jit_compile: bool = True) -> "ViewMaker":
    """Returns the layer that draws the views of an arm, with color and flips as `config` says."""
    from aag_tf.augment import ViewMaker

    class ArmViews(ViewMaker):
        def branch_of(self, view: int) -> "Branch":
            return branches[view]

    names = ARMS[arm]
    made = {name: branch(name, config, jit_compile=jit_compile) for name in names}
    branches = [made[name] for name in names]
    return ArmViews(branches[0], branches[-1], aux_views=len(names) - 2, name="views")


def branch(name: str, config: "AugmentConfig", *, jit_compile: bool) -> "Branch":
    """Returns one of `BRANCHES`."""
    from aag_tf.augment import AuxiliaryBranch, MainBranch
    from aag_tf.augment.presets import PRESETS

    arguments: dict[str, Any] = {
        "crop_min_area": CROP_MIN_AREA[name],
        "color_strength": config.color_strength,
        "grayscale_probability": config.grayscale_probability,
        "flip": config.flip,
        "blur_probability": config.blur_probability,
        "jit_compile": jit_compile,
    }
    if name in (MAIN, CROP):
        return MainBranch(**arguments, name=name)
    PRESETS[SOLARIZE_CUTOUT] = dataclasses.replace(PRESETS[DEFAULT], crop_min_area=None)
    return AuxiliaryBranch(name, config.aux_strength, **arguments, name=name)


def main(argv: Sequence[str]) -> int:
    """Trains as `aag-train` does, with the views of the arm; returns its exit code, or `DIVERGED`.

    Raises:
        SystemExit: `--arm` is missing or not known.
    """
    arm, rest = split_choice(argv, OPTION, ARMS)
    with quiet_start():
        from aag_tf.training import model_building

    def build_views(config: "AugmentConfig", *_: Any, jit_compile: bool = True, **__: Any) -> "ViewMaker":
        if config.num_views != len(ARMS[arm]):
            raise SystemExit(f"{arm} has {len(ARMS[arm])} views, and --aux={config.aux} {config.num_views}.")
        return views_of(arm, config, jit_compile=jit_compile)

    model_building.build_views = build_views
    return train(rest)


if __name__ == "__main__":
    run_command(sys.argv[0], main)
