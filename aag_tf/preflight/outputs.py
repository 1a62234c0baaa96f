"""Whether a command may write its results to a directory."""

import os
from pathlib import Path

from aag_tf.utils.atomic import is_temporary
from aag_tf.utils.errors import AagError
from aag_tf.utils.paths import nearest_existing


def check_output(
    path: Path, marker: str, command: str, error: type[AagError], *, resume: bool, overwrite: bool
) -> None:
    """Checks that a run may use a directory, without changing it.

    Args:
        path: value of `--output`.
        marker: name of a file that every output of the command has.
        command: that writes it.
        error: class of what is raised.
        resume: value of `--resume`.
        overwrite: value of `--overwrite`.

    Raises:
        AagError: it is a file or cannot be written, it is not empty and neither flag is given, or it holds no output to
            resume or to overwrite.
    """
    is_ours = (path / marker).exists()
    if path.exists() and not path.is_dir():
        raise error(f"--output={path} is a file; name a directory.")
    if resume and not is_ours:
        raise error(f"--output={path} holds nothing to resume; leave --resume out to start.")
    # A process that was killed at its very start leaves nothing but a half-written marker.
    occupied = path.is_dir() and any(not is_temporary(entry, path / marker) for entry in path.iterdir())
    if occupied and not (resume or overwrite):
        raise error(
            f"--output={path} already exists; add --resume to continue it, --overwrite to delete it and start "
            "again, or name another directory."
        )
    if occupied and overwrite and not is_ours:
        raise error(
            f"--output={path} holds files that {command} did not write, so --overwrite will not delete it; "
            "move them away, or name another directory."
        )


def check_writable(path: Path, error: type[AagError]) -> None:
    """Checks that a directory, or the nearest one above it that exists, may be written to.

    Raises:
        AagError: it may not.
    """
    if not os.access(nearest_existing(path), os.W_OK | os.X_OK):
        raise error(f"--output={path} cannot be written; name a directory that you may write to.")
