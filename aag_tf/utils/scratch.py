"""Working directories that end with the process that made them, however it ends: the next process deletes them.

A directory is locked while its process lives. The operating system ends the lock of a process that is killed.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from aag_tf.utils.locks import lock_new, unless_in_use


@contextlib.contextmanager
def scratch_directory(parent: Path, prefix: str, own: re.Pattern[str], *, mode: int = 0o777) -> Iterator[Path]:
    """Yields a new directory, which is deleted after the block, unless it was renamed.

    Args:
        parent: of the directory; made if need be.
        prefix: of its name, to which eight random hexadecimal digits are added.
        own: names of such directories in `parent`. Those of processes that were killed are deleted first.
        mode: its permissions, less the user's umask.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    clear_abandoned(parent, own)
    path, descriptor = _make(parent, prefix, mode)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _make(parent: Path, prefix: str, mode: int) -> tuple[Path, int]:
    """Makes and locks a directory; returns it, and the open file that holds the lock."""
    while True:
        path = parent / f"{prefix}{secrets.token_hex(4)}"
        path.mkdir(mode)
        with contextlib.suppress(FileNotFoundError):  # another process took it for abandoned before it was locked
            descriptor = os.open(path, os.O_RDONLY)
            if lock_new(descriptor, path):
                return path, descriptor
            os.close(descriptor)


def clear_abandoned(parent: Path, own: re.Pattern[str]) -> None:
    """Deletes directories of processes that were killed: those that no process has locked.

    Where a directory cannot be deleted, or the file system has no locks, it stays.
    """
    for path in parent.iterdir():
        if own.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            with unless_in_use(path) as is_abandoned:
                if is_abandoned:
                    shutil.rmtree(path, ignore_errors=True)
