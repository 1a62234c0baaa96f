"""Directories whose names TensorFlow would take for patterns, under a name that it takes as it is."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# TensorFlow looks for checkpoints and for the variables of SavedModels with `fnmatch`, which also knows the backslash.
PATTERN_CHARACTERS = frozenset("[]*?{}\\")
USUAL_DIRECTORIES = ("/tmp", "/var/tmp", "/dev/shm")


def is_pattern(path: str | os.PathLike[str]) -> bool:
    """Whether TensorFlow takes something in a path for a pattern."""
    return not PATTERN_CHARACTERS.isdisjoint(os.fspath(path))


@contextlib.contextmanager
def literal(directory: Path) -> Iterator[Path]:
    """Yields a path of a directory for TensorFlow, which finds `runs/odd [1]` neither by that name nor escaped.

    It is the path itself, or, where that has a character of a pattern, a link in a private directory, which is removed
    after the block. Processes that are started inside the block can use it too.

    Args:
        directory: that TensorFlow is to read or write; need not exist yet.

    Raises:
        OSError: no link can be made.
    """
    if not is_pattern(directory):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="aag_tf-", dir=_plain_directory()) as private:
        link = Path(private, "link")
        link.symlink_to(directory.absolute(), target_is_directory=True)
        yield link


def _plain_directory() -> str:
    """Returns a writable directory for temporary files, without a character of a pattern where there is any."""
    usual = tempfile.gettempdir()
    able = (path for path in (usual, *USUAL_DIRECTORIES) if not is_pattern(path) and os.access(path, os.W_OK | os.X_OK))
    return next(able, usual)
