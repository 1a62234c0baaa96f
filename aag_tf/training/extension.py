"""A run that goes on from the constant phase of another, `--extend`, as if that had been longer from its beginning."""

import dataclasses
import itertools
from typing import Any

from aag_tf import config as configs
from aag_tf.augment import Branch, strip_ignored_keys
from aag_tf.config import OptimizerConfig, TrainConfig
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.runs.checkpoints import CheckpointStore, RunState, StoredCheckpoint
from aag_tf.runs.checkpoints.manifest import MANIFEST_FILE
from aag_tf.runs.extended import read_extended
from aag_tf.training.step_range import plan_steps
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import ConfigError, RunDirectoryError
from aag_tf.utils.stores import named

KIND = "extended"  # in the record's `initial_weights`
MAY_DIFFER = ("epochs", "train_steps", "decay_fraction", "extend")


@dataclasses.dataclass(frozen=True, eq=False)
class Extension:
    """The checkpoint that a new run goes on from.

    Args:
        directory: of the run that it extends.
        record: of that run.
        checkpoint: of its constant phase, verified.
        facts: what the new run's record says of it.
    """

    directory: RunDirectory
    record: RunRecord
    checkpoint: StoredCheckpoint
    facts: dict[str, Any]

    def restore(self, state: RunState) -> int:
        """Loads networks and optimizer; returns the steps that they have seen.

        Raises:
            RunDirectoryError: TensorFlow cannot read the checkpoint.
        """
        state.load(self.checkpoint)
        return self.checkpoint.step


def extension_of(
    config: TrainConfig, auxiliary: Branch | None, began: RunRecord | None
) -> tuple[TrainConfig, Extension | None]:
    """Opens the run that `--extend` names, for a run without a checkpoint.

    Args:
        config: of the new run.
        auxiliary: the branch that was passed to `train`.
        began: the record of the new run, if it was interrupted before its first checkpoint.

    Returns:
        The config with the warm-up that the run had, in steps, and where to go on from; `None` for a run that extends
        none.

    Raises:
        AagError: it cannot be extended, not by such a run, or is not what it was when the new run began.
    """
    if config.start.extend is None:
        return config, None
    if config.schedule.local_shards:
        raise ConfigError(
            f"--extend={config.start.extend} does not work with --local_shards yet; start from its weights with "
            f"--init_from={config.start.extend}."
        )
    directory, before = read_extended(config)
    assert before.num_train_images is not None
    before_optimizer = before.config.optimizer
    _, total_before = plan_steps(before.config.schedule, before.num_train_images)
    _, total = plan_steps(config.schedule, before.num_train_images)
    warmup = before_optimizer.warmup(total_before)
    if config.optimizer.warmup_steps is None:
        config = dataclasses.replace(config, optimizer=dataclasses.replace(config.optimizer, warmup_steps=warmup))
    _check_same_settings(config, auxiliary, directory, before, warmup)
    checkpoint = _choose(config, directory, before_optimizer.constant_until(total_before), total)
    manifest = FileFacts.of(checkpoint.directory / MANIFEST_FILE)
    facts = {
        "source": config.start.extend,
        "kind": KIND,
        "sha256": manifest.sha256,
        "step": checkpoint.step,
        "projector": True,
    }
    known = None if began is None else began.initial_weights
    if known is not None and known["sha256"] != facts["sha256"]:
        raise RunDirectoryError(
            f"--resume finds no checkpoint yet, and --extend={config.start.extend} is not what it was when the "
            "run began; restore it, or start a new --run_dir."
        )
    return config, Extension(directory, before, checkpoint, facts)


def earlier_facts(
    before: RunRecord | None, extension: Extension | None
) -> tuple[RunRecord | None, dict[str, Any] | None, str]:
    """Returns the record that a run goes by, what it says of the first weights, and the flag by which it goes on.

    Args:
        before: the record of the run to resume.
        extension: what a run without a checkpoint goes on from.
    """
    if extension is None:
        return before, None if before is None else before.initial_weights, "--resume"
    return before or extension.record, extension.facts, "--extend" if before is None else "--resume"


def _check_same_settings(
    config: TrainConfig, auxiliary: Branch | None, directory: RunDirectory, before: RunRecord, warmup: int
) -> None:
    recorded = before.flags | {"warmup_steps": warmup}
    changed = configs.changed_training_settings(config, recorded, may_differ=MAY_DIFFER)
    if strip_ignored_keys(before.auxiliary) != (auxiliary and auxiliary.describe()):
        changed.append("the auxiliary branch that was passed to train()")
    if changed:
        raise ConfigError(
            f"--extend={directory.name} goes on with that run's settings, and these differ: {', '.join(changed)}; add "
            f"--flagfile={named(directory.flags_file)} before the other flags, or start from its weights alone with "
            f"--init_from={directory.name}."
        )


def _choose(config: TrainConfig, directory: RunDirectory, constant_until: int | None, total: int) -> StoredCheckpoint:
    """Returns the newest checkpoint of the constant phase of both runs."""
    until = config.optimizer.constant_until(total)
    assert constant_until is not None
    assert until is not None
    store = CheckpointStore(directory.checkpoints)
    usable = [stored.step for stored in store.all() if stored.step <= constant_until]
    if not usable:
        raise ConfigError(
            f"--extend={directory.name} has no checkpoint from before step {constant_until}, where its learning rate "
            f"began to fall; start from its weights with --init_from={directory.name}."
        )
    if min(usable) > until:
        raise ConfigError(
            f"--extend={directory.name} goes on from step {min(usable)}, and a run of {total} steps (--train_steps, "
            f"--epochs) begins to decay at step {until}; give --train_steps={_shortest(config.optimizer, min(usable))} "
            "or more."
        )
    chosen = store.choose(until=min(constant_until, until))
    assert chosen is not None
    return chosen


def _shortest(optimizer: OptimizerConfig, step: int) -> int:
    """Returns the length of the shortest run whose learning rate is constant until a step."""
    return next(total for total in itertools.count(step + 1) if (optimizer.constant_until(total) or 0) >= step)
