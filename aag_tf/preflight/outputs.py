"""Whether a command may write its results to a directory."""

import os
from collections.abc import Mapping
from pathlib import Path

from aag_tf.utils.atomic import is_temporary
from aag_tf.utils.errors import AagError
from aag_tf.utils.paths import nearest_existing, user_path
from aag_tf.utils.stores import Store, is_store

# What the flags do that go on with an output, beside --overwrite.
GOING_ON = {"resume": "continue it", "update": "add what is new"}


def check_output(
    path: str, marker: str, command: str, error: type[AagError], ways: Mapping[str, bool], *, overwrite: bool
) -> None:
    """Checks that a run may use a directory, without changing it.

    Args:
        path: value of `--output`, a path or an address of a store.
        marker: name of a file that every output of the command has.
        command: that writes it.
        error: class of what is raised.
        ways: values of the command's flags that go on with an output, by names in `GOING_ON`.
        overwrite: value of `--overwrite`.

    Raises:
        AagError: it is a file or cannot be written, it is not empty and no flag is given, or it holds no output to go
            on with or to overwrite.
        StoreError: the store cannot be reached.
    """
    names = _names_in_store(path) if is_store(path) else _names_in(user_path(path))
    if "" in names:
        raise error(f"--output={path} is a file; name a directory.")
    for name, wanted in ways.items():
        if wanted and marker not in names:
            raise error(f"--output={path} holds nothing to {name}; leave --{name} out to start.")
    # A process that was killed at its very start leaves nothing but a half-written marker.
    occupied = any(not is_temporary(Path(name), Path(marker)) for name in names)
    if occupied and not (any(ways.values()) or overwrite):
        flags = ", ".join(f"--{name} to {GOING_ON[name]}" for name in ways)
        raise error(
            f"--output={path} already exists; add {flags}, --overwrite to delete it and start again, or name another "
            "directory."
        )
    if occupied and overwrite and marker not in names:
        raise error(
            f"--output={path} holds files that {command} did not write, so --overwrite will not delete it; "
            "move them away, or name another directory."
        )
    if not is_store(path) and not os.access(nearest_existing(user_path(path)), os.W_OK | os.X_OK):
        raise error(f"--output={path} cannot be written; name a directory that you may write to.")


def _names_in(directory: Path) -> set[str]:
    """Names of what is in a directory; an empty one if it is a file."""
    if directory.is_dir():
        return {entry.name for entry in directory.iterdir()}
    return {""} if directory.exists() else set()


def _names_in_store(address: str) -> set[str]:
    store = Store(address, probing=True)
    store.require_bucket()
    return {name for name in store.list() if not name.startswith(".")}
