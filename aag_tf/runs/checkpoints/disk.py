"""Full disks: checked before a run starts, and reported in one sentence while it goes on."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from aag_tf.runs.checkpoints.store import CheckpointStore
from aag_tf.utils.errors import RunDirectoryError, disk_error, one_line
from aag_tf.utils.paths import nearest_existing
from aag_tf.utils.stores import CACHE_VARIABLE, is_store, named


def check_space(store: CheckpointStore, bytes_each: int, keep: int, *, extendable: bool = False) -> None:
    """Checks that the disk has room for the checkpoints of a run.

    Args:
        store: keeps the checkpoints; what it holds now counts as free, since it will be replaced.
        bytes_each: size of a checkpoint.
        keep: number of newest checkpoints that are kept, besides the best one and the one being written.
        extendable: whether one more is kept, to extend the run from.

    Raises:
        RunDirectoryError: there is not enough space.
    """
    free = shutil.disk_usage(nearest_existing(store.directory)).free + store.bytes_held()
    needed = bytes_each * (keep + 2 + extendable)
    if free < needed:
        run_dir = named(store.directory.parent)
        what, other = f"--run_dir={run_dir}", "disk"
        extra = ", one to extend the run from" if extendable else ""
        if is_store(run_dir):
            what, other = f"the working copy of {what}, {store.directory.parent},", f"directory in {CACHE_VARIABLE}"
        raise RunDirectoryError(
            f"{what} is on a disk with {free / 1e9:.2g} GB free, and the run needs {needed / 1e9:.2g} GB for "
            f"checkpoints ({keep} newest, the best{extra} and one being written, {bytes_each / 1e9:.2g} GB each); free "
            f"some space, lower --checkpoints_to_keep, or name another {other}."
        )


@contextlib.contextmanager
def report_disk_failures(store: CheckpointStore) -> Iterator[None]:
    """Converts a failed write to the run directory inside the block into `RunDirectoryError`.

    Raises:
        RunDirectoryError: the disk is full, over quota, gone or read-only.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        code = disk_error(error)
        if code is None and not isinstance(error, OSError):
            raise
        reason = one_line(error, 200) if code is None else os.strerror(code)
        raise _error(store, getattr(error, "filename", None) or store.directory.parent, reason) from error


def _error(store: CheckpointStore, file: str | Path, reason: str) -> RunDirectoryError:
    try:
        found = store.all()
        left = f"the checkpoint of step {found[-1].step} is intact" if found else "there is no checkpoint yet"
    except OSError:
        left = "nor can its checkpoints be looked at now"
    return RunDirectoryError(
        f"the run cannot go on ({file}: {reason}); {left}. Mend that (free some space?), then add --resume to go on."
    )
