"""Files that are written completely or not at all, and that survive a power cut."""

import os
import re
import secrets
from pathlib import Path

LONGEST_NAME = 255  # bytes, on the file systems in use


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file under a temporary name, then renames it: readers see the old content or the new, never a part."""
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = target.with_name(_temporary_name(target.name))
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


def _temporary_name(name: str) -> str:
    """A hidden name with a random end; a name of nearly `LONGEST_NAME` bytes is shortened for it."""
    end = f".{secrets.token_hex(6)}"
    start = f".{name}".encode(errors="surrogateescape")[: LONGEST_NAME - len(end)]
    return start.decode(errors="ignore") + end


def is_temporary(path: Path, target: Path) -> bool:
    """Whether `path` is a temporary file that `write_atomically(target, ...)` left because its process was killed."""
    return re.fullmatch(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}", path.name) is not None


def sync(path: str | os.PathLike[str]) -> None:
    """Waits until a file's content, or a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
