"""Files that are written completely or not at all, and that survive a power cut."""

import contextlib
import ctypes
import errno
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aag_tf.utils.errors import AagError, disk_error
from aag_tf.utils.locks import lock_new, unless_in_use

LONGEST_NAME = 255  # bytes, on the file systems in use
RANDOM_BYTES = 6  # of the names of temporary files

# Of <fcntl.h> and <linux/fs.h>, for renameat2.
AT_FDCWD, RENAME_EXCHANGE = -100, 2
UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file under a temporary name, then renames it: readers see the old content or the new, never a part."""
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    _clear_abandoned(target)
    with naming(target):
        temporary, handle = _make_temporary(target)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(target)  # while it is locked
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(target.parent)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Names a file in the errors of writing it: those of a full disk have no name, others that of a temporary file.

    Raises:
        OSError: the block raised one, or an error of TensorFlow that says in words what the system said.
    """
    name = os.fspath(path)
    try:
        yield
    except AagError:
        raise
    except OSError as error:
        found = error.filename
        if not isinstance(found, str) or os.path.dirname(found) == os.path.dirname(name):
            error.filename = name
        raise
    except Exception as error:
        code = disk_error(error)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), name) from error


def _make_temporary(target: Path) -> tuple[Path, int]:
    """Makes and locks a file beside `target`; returns its path, and its descriptor, which holds the lock."""
    while True:
        temporary = target.with_name(f"{_stem(target.name)}.{secrets.token_hex(RANDOM_BYTES)}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)  # less the user's umask
        if lock_new(handle, temporary):
            return temporary, handle
        os.close(handle)  # another process took it for abandoned before it was locked


def _clear_abandoned(target: Path) -> None:
    """Deletes temporary files of processes that were killed: those that no process has locked."""
    stem = _stem(target.name)
    with contextlib.suppress(OSError):  # then writing says more
        # Names alone, since the directory may be one of a million pictures.
        for path in (target.parent / name for name in os.listdir(target.parent) if name.startswith(stem)):
            if is_temporary(path, target):
                with unless_in_use(path) as is_abandoned:
                    if is_abandoned:
                        path.unlink(missing_ok=True)


def _stem(name: str) -> str:
    """What hidden names of temporary files begin with; a name of nearly `LONGEST_NAME` bytes is shortened for it."""
    start = f".{name}".encode(errors="surrogateescape")[: LONGEST_NAME - len(".") - 2 * RANDOM_BYTES]
    return start.decode(errors="ignore")


def is_temporary(path: Path, target: Path) -> bool:
    """Whether `path` is a temporary file of `write_atomically(target, ...)`."""
    return re.fullmatch(rf"{re.escape(_stem(target.name))}\.[0-9a-f]{{{2 * RANDOM_BYTES}}}", path.name) is not None


@contextlib.contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to write under a hidden name; on success it is synced to the disk and renamed to `path`."""
    hidden = path.with_name(f".{path.name}")
    try:
        with naming(path), hidden.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        hidden.unlink(missing_ok=True)  # on a full disk it would take what others need
        raise
    sync(path.parent)


def exchange(first: Path, second: Path) -> bool:
    """Lets two files or directories take each other's names at once, so that neither name is ever missing.

    Returns:
        False, with nothing changed, where the operating system or the file system cannot.

    Raises:
        OSError: one does not exist, or the names cannot be changed.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = (os.fsencode(first), os.fsencode(second))
    if renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), os.fspath(first), None, os.fspath(second))


def sync(path: str | os.PathLike[str]) -> None:
    """Waits until a file's content, or a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
