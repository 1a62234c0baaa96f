"""Names every file of a run directory, creates it without destroying anything, and writes its files atomically."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from aag_tf.errors import RunDirectoryError


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file of which a reader finds the old content or the new, never a part: temporary name, then rename."""
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class RunDirectory:
    """The files of one run.

    Args:
        path: the directory; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self.flags_file = self.path / "flags.txt"
        self.record = self.path / "run.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.events = self.path / "tensorboard"
        self.evaluation = self.path / "evaluation.json"

    def check(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Refuses a directory that a run may not use, before any work is done and without touching it.

        Raises:
            RunDirectoryError: it is a file, it holds results and neither flag is given, or it is no run to resume or
                to overwrite.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunDirectoryError(f"--run_dir={self.path} is a file; name a directory.")
        if resume and not self.record.exists():
            raise RunDirectoryError(f"--run_dir={self.path} holds no run to resume; leave --resume out to start one.")
        occupied = self.path.is_dir() and any(self.path.iterdir())
        if occupied and not (resume or overwrite):
            raise RunDirectoryError(
                f"--run_dir={self.path} already exists; add --resume to continue it, --overwrite to delete it and "
                "start again, or name another directory."
            )
        if occupied and overwrite and not self.record.exists():
            raise RunDirectoryError(
                f"--run_dir={self.path} holds files that are not a run's, so --overwrite will not delete it; "
                "name another directory."
            )

    def create(self, *, overwrite: bool = False) -> None:
        """Makes the directory; with `overwrite` an earlier run in it is deleted first.

        Raises:
            RunDirectoryError: it cannot be written.
        """
        try:
            if overwrite and self.record.exists():
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise RunDirectoryError(
                f"--run_dir={self.path} cannot be written ({error.strerror}); name a directory that you may write to."
            ) from error

    def read_record(self) -> dict[str, Any]:
        """The settings and facts that `write_record` left.

        Raises:
            RunDirectoryError: there is no run here, or its record is damaged.
        """
        if not self.path.is_dir():
            raise RunDirectoryError(
                f"--run_dir={self.path} does not exist; train one with aag-train --run_dir={self.path}."
            )
        try:
            return json.loads(self.record.read_text())
        except FileNotFoundError as error:
            raise RunDirectoryError(
                f"--run_dir={self.path} is not a run directory (it has no {self.record.name}); "
                "name one that aag-train made."
            ) from error
        except ValueError as error:
            raise RunDirectoryError(f"{self.record} is damaged ({error}); restore it, or train again.") from error

    def write_record(self, record: dict[str, Any]) -> None:
        """Keeps what evaluation and export need to rebuild the run."""
        write_atomically(self.record, json.dumps(record, indent=2) + "\n")
