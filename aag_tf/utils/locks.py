"""The operating system's advisory locks, which end with the process that holds them."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from aag_tf.utils.log import logger


def lock(descriptor: int, name: object, *, shared: bool = False) -> bool:
    """Locks an open file or directory without waiting.

    Args:
        descriptor: file descriptor of the open file or directory.
        name: its name, for the warning that is logged if the file system has no locks.
        shared: take a shared lock, which shows whether another process holds an exclusive one.

    Returns:
        False if another process holds a conflicting lock, else True (also if the file system has no locks).
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        logger.warning("%s cannot be locked (%s): let no second process write to it.", name, error.strerror)
    return True


@contextlib.contextmanager
def locked_directory(path: Path, busy: Exception) -> Iterator[None]:
    """Creates a directory and locks it against other processes while the block runs; leaves no lock file behind.

    Args:
        path: the directory.
        busy: raised if another process has it.

    Raises:
        OSError: it cannot be created.
    """
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not lock(descriptor, path):
            raise busy
        yield
    finally:
        os.close(descriptor)


def lock_new(descriptor: int, path: Path) -> bool:
    """Locks a file or directory that this process has just made, so that others can tell that its process lives.

    Returns:
        False if another process took it for abandoned meanwhile, and has deleted it or is about to; else True (also if
        the file system has no locks, since nothing is deleted there).
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def unless_in_use(path: Path) -> Iterator[bool]:
    """Holds the lock of a file or directory of a process that was killed; yields whether it is one.

    It is none if another process has locked it, or if that cannot be known.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
