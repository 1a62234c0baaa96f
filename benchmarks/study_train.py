"""What the trainers of studies share: `aag-train` with one more flag, which replaces a part of it."""

import sys
from collections.abc import Collection, Sequence

from ablation_run import DIVERGED

from aag_tf.commands import train as train_command
from aag_tf.utils.errors import TrainingError


def split_choice(argv: Sequence[str], option: str, names: Collection[str]) -> tuple[str, list[str]]:
    """Returns the value of a flag that must be given once, and the other arguments.

    Args:
        argv: of the command, with its name.
        option: the flag with its equals sign, such as `--arm=`.
        names: the values allowed.

    Raises:
        SystemExit: it is missing, given twice, or has another value.
    """
    given = [argument.removeprefix(option) for argument in argv if argument.startswith(option)]
    if len(given) != 1 or given[0] not in names:
        raise SystemExit(f"give one {option.removesuffix('=')} of: {'; '.join(names)}")
    return given[0], [argument for argument in argv if not argument.startswith(option)]


def train(argv: Sequence[str]) -> int:
    """Runs `aag-train` and returns its exit code, or `DIVERGED`: a resumed run would diverge again."""
    try:
        return train_command.main(argv)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return DIVERGED
