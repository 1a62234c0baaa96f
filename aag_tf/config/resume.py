"""Which settings may differ when a run goes on: those that leave what is learned as it is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from aag_tf.config.flat import from_flat, to_flat
from aag_tf.config.run import RunConfig
from aag_tf.config.train import TrainConfig

# Where results and data lie, what is written how often, and how the same mathematics is computed. A new setting is
# taken to change what is learned until it is named here. What the best checkpoint is chosen by may not change either.
HARMLESS = {field.name for field in dataclasses.fields(RunConfig)} - {"monitor_dataset"} | {
    "data_dir",
    "download",
    "replicas",
    "cpu_replicas",
    "steps_per_execution",
    "jit_compile",
    "loss_form",
    "augment_on",
}

MOVABLE = ("dataset", "monitor_dataset")


def training_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that decide what a run learns, `{flag name: value}`."""
    return {name: value for name, value in to_flat(config).items() if name not in HARMLESS}


def changed_training_settings(config: TrainConfig, recorded: Mapping[str, Any]) -> list[str]:
    """The settings that differ from a run's recorded ones and decide what it learns, each as a phrase.

    A setting that is not recorded, since it is younger than the run, had its default.

    Args:
        config: the settings asked for.
        recorded: `{flag name: value}` of the run, as `to_flat` gives it.
    """
    before = to_flat(from_flat(TrainConfig, recorded))
    return [
        f"--{name} (was {before[name]}, is {value})"
        for name, value in training_settings(config).items()
        if before[name] != value and not (name in MOVABLE and _moved(before[name], value))
    ]


def _moved(before: str | None, now: str | None) -> bool:
    """Whether these may be the same files in two places; whether they are, their content tells."""
    if before is None or now is None:
        return False
    return before.partition(":")[0] == now.partition(":")[0] in ("folder", "npz")
