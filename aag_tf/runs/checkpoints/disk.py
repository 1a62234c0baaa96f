"""Full disks: checked before a run starts, and reported in one sentence while it goes on."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

import tensorflow as tf

from aag_tf.runs.checkpoints.store import CheckpointStore
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.paths import nearest_existing
from aag_tf.utils.stores import CACHE_VARIABLE, is_store, named

# TensorFlow's own writers report these in their message only.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def check_space(store: CheckpointStore, bytes_each: int, keep: int) -> None:
    """Checks that the disk has room for the checkpoints of a run.

    Args:
        store: keeps the checkpoints; what it holds now counts as free, since it will be replaced.
        bytes_each: size of a checkpoint.
        keep: number of newest checkpoints that are kept, besides the best one and the one being written.

    Raises:
        RunDirectoryError: there is not enough space.
    """
    free = shutil.disk_usage(nearest_existing(store.directory)).free + store.bytes_held()
    needed = bytes_each * (keep + 2)
    if free < needed:
        run_dir = named(store.directory.parent)
        what, other = f"--run_dir={run_dir}", "disk"
        if is_store(run_dir):
            what, other = f"the working copy of {what}, {store.directory.parent},", f"directory in {CACHE_VARIABLE}"
        raise RunDirectoryError(
            f"{what} is on a disk with {free / 1e9:.2g} GB free, and the run needs {needed / 1e9:.2g} GB for "
            f"checkpoints ({keep} newest, the best and one being written, {bytes_each / 1e9:.2g} GB each); free some "
            f"space, lower --checkpoints_to_keep, or name another {other}."
        )


@contextlib.contextmanager
def report_disk_failures(store: CheckpointStore) -> Iterator[None]:
    """Converts a failed write to the run directory inside the block into `RunDirectoryError`.

    Raises:
        RunDirectoryError: the disk is full, over quota, gone or read-only.
    """
    try:
        yield
    except OSError as error:
        raise _error(store, error.strerror or str(error)) from error
    except tf.errors.OpError as error:
        reason = next((os.strerror(code) for code in DISK_ERRORS if os.strerror(code) in error.message), None)
        if reason is None:
            raise
        raise _error(store, reason) from error


def _error(store: CheckpointStore, reason: str) -> RunDirectoryError:
    found = store.all()
    left = f"the checkpoint of step {found[-1].step} is intact" if found else "there is no checkpoint yet"
    return RunDirectoryError(
        f"{store.directory.parent} cannot be written any more ({reason}); {left}. Mend that (free some space?), then "
        "add --resume to go on."
    )
