"""Ends a process as `kill -9` does, before a certain one of its changes to the files below a folder.

Changes are those that Python makes: opening to write, making, renaming, exchanging, truncating and deleting. What
TensorFlow and faiss write by themselves lies between two of them.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def kill_before_change(count: int, folder: Path) -> None:
    """Lets so many further changes of this process below the folder happen, and ends it before the next."""
    left = [count]
    root = os.path.realpath(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        place = _changed(event, arguments)
        if place is not None and f"{place}/".startswith(f"{root}/"):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    _announce_exchanges()


def _changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Returns the path that an audit event is about to change."""
    match event, arguments:
        case "open", (str() | bytes() | os.PathLike() as path, _, int() as flags) if flags & WRITING:
            return _below(path)
        case (("os.truncate" | "aag_tf.exchange"), (str() | bytes() | os.PathLike() as path, *_)):
            return _below(path)
        case (("os.mkdir" | "os.rename"), (path, _, int() as directory, *_)):
            return _below(path, directory)
        case (("os.remove" | "os.rmdir"), (path, int() as directory)):
            return _below(path, directory)
    return None


def _below(path: Any, directory: int = -1) -> str:
    name = os.fsdecode(path)
    return os.path.abspath(name) if directory < 0 else os.path.join(os.readlink(f"/proc/self/fd/{directory}"), name)


def _announce_exchanges() -> None:
    """Makes an event of what Python does not know of."""
    from aag_tf.export import publishing

    exchange = publishing.exchange

    def announced(first: Path, second: Path) -> bool:
        sys.audit("aag_tf.exchange", os.fspath(first))
        return exchange(first, second)

    publishing.exchange = announced
