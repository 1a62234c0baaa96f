"""Whether a command may write its results to a directory."""

import os
from collections.abc import Mapping
from pathlib import Path

from aag_tf.utils.atomic import is_temporary
from aag_tf.utils.errors import AagError
from aag_tf.utils.paths import nearest_existing

# What the flags do that go on with an output, beside --overwrite.
GOING_ON = {"resume": "continue it", "update": "add what is new"}


def check_output(
    path: Path, marker: str, command: str, error: type[AagError], ways: Mapping[str, bool], *, overwrite: bool
) -> None:
    """Checks that a run may use a directory, without changing it.

    Args:
        path: value of `--output`.
        marker: name of a file that every output of the command has.
        command: that writes it.
        error: class of what is raised.
        ways: values of the command's flags that go on with an output, by names in `GOING_ON`.
        overwrite: value of `--overwrite`.

    Raises:
        AagError: it is a file, it is not empty and no flag is given, or it holds no output to go on with or to
            overwrite.
    """
    is_ours = (path / marker).exists()
    if path.exists() and not path.is_dir():
        raise error(f"--output={path} is a file; name a directory.")
    for name, wanted in ways.items():
        if wanted and not is_ours:
            raise error(f"--output={path} holds nothing to {name}; leave --{name} out to start.")
    # A process that was killed at its very start leaves nothing but a half-written marker.
    occupied = path.is_dir() and any(not is_temporary(entry, path / marker) for entry in path.iterdir())
    if occupied and not (any(ways.values()) or overwrite):
        flags = ", ".join(f"--{name} to {GOING_ON[name]}" for name in ways)
        raise error(
            f"--output={path} already exists; add {flags}, --overwrite to delete it and start again, or name another "
            "directory."
        )
    if occupied and overwrite and not is_ours:
        raise error(
            f"--output={path} holds files that {command} did not write, so --overwrite will not delete it; "
            "move them away, or name another directory."
        )


def check_writable(path: Path, error: type[AagError]) -> None:
    """Checks that a directory, or the nearest one above it that exists, may be written to.

    Raises:
        AagError: it may not.
    """
    if not os.access(nearest_existing(path), os.W_OK | os.X_OK):
        raise error(f"--output={path} cannot be written; name a directory that you may write to.")
