"""The operating system's advisory locks, which end with the process that holds them."""

import fcntl

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
