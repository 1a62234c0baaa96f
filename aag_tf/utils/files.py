"""Files as all packages handle them: written whole or not at all, read with care, locked, named as users name them."""

import fcntl
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from absl import logging

from aag_tf.utils.errors import ConfigError


def user_path(name: str | os.PathLike[str]) -> Path:
    """The path that a user wrote, `~` replaced by a home directory.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{name} begins with a user that this machine does not know; write the path out.") from error


def printable(path: str) -> str:
    r"""A path as Unicode, which most formats ask for: bytes that are no UTF-8 stand as \xNN."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(text: str) -> str:
    """Text as a terminal may show it: what is no printable character, and would move its cursor, is escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def nearest_existing(path: Path) -> Path:
    """The path itself where it exists, else the nearest of its parents that does.

    Raises:
        OSError: it cannot be looked at, as where its name is too long.
    """
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file of which a reader finds the old content or the new, never a part: temporary name, then rename."""
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)  # less the user's umask
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(target.parent)


def is_temporary(path: Path, target: Path) -> bool:
    """Whether a file is what `write_atomically` left of a target when its process was killed."""
    return re.fullmatch(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}", path.name) is not None


def sync(path: str | os.PathLike[str]) -> None:
    """Waits until a file's content, or a directory's names, are on the disk and would outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json_object(path: str | os.PathLike[str], *keys: str) -> dict[str, Any]:
    """The JSON object in a file that may come from anybody.

    Args:
        path: the file.
        keys: what the object must have.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON, no object, or lacks a key; the message says which.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    for key in keys:
        if key not in found:
            raise ValueError(f"it has no {key!r}")
    return found


def lock(descriptor: int, name: object, *, shared: bool = False) -> bool:
    """Takes the operating system's lock on an open file, which ends with the process however that ends.

    Args:
        descriptor: of the open file or directory.
        name: of it, for the log: where a file system has no locks, a warning is all there is.
        shared: a lock that others may share, to find out whether somebody has one to himself.

    Returns:
        Whether it was to be had; not where another process holds it.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        logging.warning("%s cannot be locked (%s): let no second process write to it.", name, error.strerror)
    return True
