"""Compares the settings of a resumed run with those that it was begun with."""

from collections.abc import Collection, Mapping
from typing import Any

from aag_tf.config.data import OF_FILES, datasets_of
from aag_tf.config.flat import from_flat, leaves, to_flat
from aag_tf.config.train import TrainConfig

MOVABLE = ("dataset", "monitor_dataset")  # name files, which may be moved to another place


def training_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that a resumed run may not change, `{flag name: value}`."""
    declared = leaves(TrainConfig)
    return {name: value for name, value in to_flat(config).items() if not declared[name].resumable}


def changed_training_settings(
    config: TrainConfig, recorded: Mapping[str, Any], *, may_differ: Collection[str] = ()
) -> list[str]:
    """Describes the settings that differ from a run's recorded ones although they may not.

    A setting that is newer than the run, and so is not recorded, had its default.

    Args:
        config: settings of the run that goes on.
        recorded: `{flag name: value}` of the run, as `to_flat` gives it.
        may_differ: names of settings that are not compared.

    Returns:
        A phrase for each, such as `--seed (was 0, is 1)`.
    """
    before = to_flat(from_flat(TrainConfig, recorded))
    return [
        f"--{name} (was {before[name]}, is {value})"
        for name, value in training_settings(config).items()
        if before[name] != value and name not in may_differ and not (name in MOVABLE and _moved(before[name], value))
    ]


def _moved(before: str | None, now: str | None) -> bool:
    """Whether two names may mean the same files; their content is compared when they are opened."""
    if before is None or now is None:
        return False
    schemes = [[each.partition(":")[0] for each in datasets_of(name)] for name in (before, now)]
    return schemes[0] == schemes[1] and set(schemes[0]) <= {*OF_FILES, "npz", "pack"}
