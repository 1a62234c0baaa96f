"""The run that `--extend` names, before anything of it is loaded, and the commands that go on from a run.

Imports no TensorFlow.
"""

from aag_tf.config import OWN, WSD, TrainConfig
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.paths import same_place
from aag_tf.utils.stores import is_store, named
from aag_tf.utils.text import command_line


def read_extended(config: TrainConfig) -> tuple[RunDirectory, RunRecord]:
    """Returns the run that `--extend` names, and its record.

    Raises:
        ConfigError: it is none, or its learning rate does not stay constant.
        RunDirectoryError: it has no checkpoint, or its record is damaged.
        StoreError: it lies on a store that cannot be read.
    """
    name = config.start.extend
    assert name is not None
    if same_place(name, config.run.run_dir):
        raise ConfigError(f"--extend={name} is the --run_dir itself; name a new --run_dir.")
    directory = RunDirectory(name)
    if is_store(name) or directory.path.is_dir():
        directory.fetch()
    if not directory.record.is_file():
        raise ConfigError(f"--extend={name} is no run; name the --run_dir of a run with --lr_schedule={WSD}.")
    record = directory.read_record()
    if not any(directory.checkpoints.glob("step-*")):
        raise directory.no_checkpoint()
    schedule = record.config.optimizer.lr_schedule
    if schedule != WSD:
        raise ConfigError(
            f"--extend={name} goes on at the constant learning rate of --lr_schedule={WSD}, and that run has "
            f"--lr_schedule={schedule}, which ends at zero; start a new run from its weights{_how(directory, record)}."
        )
    return directory, record


def ways_to_go_on(directory: RunDirectory, record: RunRecord, *, done: int, total_steps: int) -> str:
    """Returns how a run of `done` steps becomes one of `total_steps`, as a part of a sentence with a command."""
    if record.config.optimizer.lr_schedule != WSD:
        steps = f"--train_steps={total_steps - done}"
        return f"start a new run from its weights, with a warm-up of its own{_how(directory, record, steps)}"
    if _needs_python(record):
        return (
            "extend it by a new run: call train() again with the same images and parts, another run_dir, "
            f"extend={directory.name!r} and train_steps={total_steps}"
        )
    flags = (f"--extend={directory.name}", f"--train_steps={total_steps}")
    return f"extend it by a new run with: {_command(directory, f'{directory.name}-{total_steps}', *flags)}"


def _how(directory: RunDirectory, record: RunRecord, *steps: str) -> str:
    if _needs_python(record):
        return f": call train() again with the same images and parts, another run_dir and init_from={directory.name!r}"
    flags = [f"--init_from={directory.name}", *steps]
    if record.config.start.init_warmup_steps:  # nothing is new in it
        flags.append("--init_warmup_steps=0")
    return f" with: {_command(directory, f'{directory.name}-longer', *flags)}"


def _command(directory: RunDirectory, run_dir: str, *flags: str) -> str:
    return command_line("aag-train", f"--flagfile={named(directory.flags_file)}", f"--run_dir={run_dir}", *flags)


def _needs_python(record: RunRecord) -> bool:
    """Whether something was passed to `train`, which a command cannot pass again."""
    return record.config.data.dataset == OWN or record.auxiliary is not None
