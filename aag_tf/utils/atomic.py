"""Files that are written completely or not at all, and that survive a power cut."""

import os
import re
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file under a temporary name, then renames it: readers see the old content or the new, never a part."""
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
    """Whether `path` is a temporary file that `write_atomically(target, ...)` left because its process was killed."""
    return re.fullmatch(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}", path.name) is not None


def sync(path: str | os.PathLike[str]) -> None:
    """Waits until a file's content, or a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
