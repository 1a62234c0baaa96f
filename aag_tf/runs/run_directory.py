"""The directory of a run: the name of each file, its lock, its record, and its creation without destroying anything."""

import contextlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from aag_tf import config as configs
from aag_tf.config import TrainConfig
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.atomic import is_temporary, write_atomically
from aag_tf.utils.errors import RunDirectoryError, one_line
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.locks import lock
from aag_tf.utils.paths import nearest_existing
from aag_tf.utils.stores import copy_to_read, is_store, local_path, named
from aag_tf.utils.text import command_line

CHECKPOINTS = "checkpoints"
CHECKPOINT_MANIFEST = "manifest.json"
# What TensorBoard reads, and `events.kept`, which a process leaves that is killed while it rewrites an event file.
TENSORBOARD_FILES = ("events.out.tfevents.*", "events.kept", "projector_config.pbtxt", "projector", "plugins/profile")


def is_of_checkpoint(name: str) -> bool:
    """Whether a name below a run directory is that of a checkpoint's file."""
    return name.startswith(f"{CHECKPOINTS}/")


def is_whole(name: str, names: Collection[str]) -> bool:
    """Whether a name on a store is not that of a checkpoint whose manifest, which is uploaded last, is missing."""
    return not is_of_checkpoint(name) or f"{name.rpartition('/')[0]}/{CHECKPOINT_MANIFEST}" in names


class RunDirectory:
    """The files of one run.

    Args:
        path: the directory; it need not exist yet. For an address of a store the files are those of a local copy,
            which `fetch` brings up to date; only `StoredRunDirectory` writes to a store.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = local_path(path)
        self.flags_file = self.path / "flags.txt"
        self.record = self.path / "run.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / CHECKPOINTS
        self.evaluation = self.path / "evaluation.json"
        self.report = self.path / "report.html"
        self.skipped = self.path / "skipped.json"
        self.lock = self.path / ".lock"
        self._earlier_events = self.path / "tensorboard"  # where earlier versions wrote them

    @property
    def events(self) -> Path:
        """Where TensorBoard's files lie: in the run directory, whose name TensorBoard shows.

        A run that an earlier version began keeps them in its `tensorboard/`, also when it is resumed.
        """
        return self._earlier_events if self._earlier_events.is_dir() else self.path

    @property
    def name(self) -> str:
        """The directory as the user knows it: its path or its address."""
        return named(self.path)

    @property
    def is_stored(self) -> bool:
        """Whether the directory is a local copy of one on a store."""
        return is_store(self.name)

    def fetch(self, *, checkpoints: bool = True) -> None:
        """Copies what a store has of the run; does nothing for a local directory.

        Args:
            checkpoints: whether these are needed.

        Raises:
            StoreError: the store cannot be read, or has nothing there.
        """
        if self.is_stored:
            copy_to_read(self.name, scope=lambda name: checkpoints or not is_of_checkpoint(name), is_whole=is_whole)

    def push(self) -> None:
        """Uploads what is new to a store; does nothing for a local directory."""

    def check(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Checks whether a run may use the directory, without touching it.

        Raises:
            RunDirectoryError: it is a file, it cannot be written, it holds results and neither flag is given, or it
                holds no run to resume or to overwrite.
        """
        try:
            nearest = nearest_existing(self.path)
        except OSError as error:  # a name that is too long
            raise self._unwritable(error) from error
        if nearest == self.path and not self.path.is_dir():
            raise RunDirectoryError(f"--run_dir={self.name} is a file; name a directory.")
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise RunDirectoryError(f"--run_dir={self.name} cannot be written; name a directory that you may write to.")
        occupied = self.path.is_dir() and any(not self._is_leftover(path) for path in self.path.iterdir())
        self._check_content(occupied, self.record.exists(), resume=resume, overwrite=overwrite)

    def _check_content(self, occupied: bool, is_run: bool, *, resume: bool, overwrite: bool) -> None:
        if resume and not is_run:
            raise RunDirectoryError(f"--run_dir={self.name} holds no run to resume; leave --resume out to start one.")
        if occupied and not (resume or overwrite):
            raise RunDirectoryError(
                f"--run_dir={self.name} already exists; add --resume to continue it, --overwrite to delete the run "
                "in it and start again, or name another directory."
            )
        if occupied and overwrite and not is_run:
            raise RunDirectoryError(
                f"--run_dir={self.name} holds files that are not a run's, so --overwrite will not delete it; "
                "name another directory."
            )

    def check_unlocked(self) -> None:
        """Checks that no other process trains in the directory.

        Raises:
            RunDirectoryError: one does, or the lock file cannot be opened.
        """
        if self.lock.exists():
            try:
                file = self.lock.open()
            except OSError as error:
                raise self._unwritable(error) from error
            with file:
                self._take(file, shared=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training in the directory while the block runs; makes the directory if need be.

        The lock is the operating system's, on an open file: it ends with the process, however that ends.

        Raises:
            RunDirectoryError: another process has it, or the directory cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.lock.open("a+")
        except OSError as error:
            raise self._unwritable(error) from error
        with file:
            self._take(file)
            with contextlib.suppress(OSError):  # the owner's name helps people, but a full disk may not hold it
                file.truncate(0)
                os.write(file.fileno(), f"process {os.getpid()} on {platform.node()}\n".encode())
            yield

    def create(self, *, overwrite: bool = False) -> None:
        """Makes the directory; `overwrite` deletes an earlier run in it, and no other file.

        Raises:
            RunDirectoryError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            doomed = [path for path in self.path.iterdir() if self._is_leftover(path)]
            if overwrite and self.record.exists():
                doomed += [self.flags_file, self.metrics, self.checkpoints]
                doomed += [self.evaluation, self.report, self.skipped]
                doomed += [path for pattern in TENSORBOARD_FILES for path in self.path.glob(pattern)]
                doomed += [self._earlier_events, self.record]  # the record last, since it makes the directory a run's
            for path in doomed:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != self.lock:
                    path.unlink(missing_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise self._unwritable(error) from error

    def read_record(self) -> RunRecord:
        """Reads `run.json`.

        Raises:
            RunDirectoryError: there is no run here, or its record is damaged.
        """
        if not self.path.is_dir():
            command = command_line("aag-train", f"--run_dir={self.name}")
            raise RunDirectoryError(
                f"--run_dir={self.name} does not exist; name a run that aag-train made, or make one with: {command}"
            )
        try:
            return RunRecord.from_json(read_json_object(self.record))
        except FileNotFoundError as error:
            raise RunDirectoryError(
                f"--run_dir={self.name} is not a run directory (it has no {self.record.name}); "
                "name one that aag-train made."
            ) from error
        except ValueError as error:
            raise RunDirectoryError(
                f"{named(self.record)} is damaged ({one_line(error, 300)}); restore it, or train again."
            ) from error

    def write_record(self, record: RunRecord) -> None:
        """Writes `run.json`, which makes the directory a run's."""
        write_atomically(self.record, json.dumps(record.to_json(), indent=2) + "\n")

    def write_skipped(self, files: Mapping[str, str]) -> None:
        """Writes `skipped.json`, `{path: reason}` of the image files that training could not read; none if all were."""
        if files:
            known = {named(path): reason for path, reason in files.items()}
            write_atomically(self.skipped, json.dumps(known, indent=2) + "\n")
        else:
            self.skipped.unlink(missing_ok=True)

    def read_skipped(self) -> dict[str, str]:
        """Reads `skipped.json`; empty where it is missing or damaged, since it only saves naming files again."""
        try:
            known = read_json_object(self.skipped)
            return {str(local_path(path)) if is_store(path) else path: str(why) for path, why in known.items()}
        except (OSError, ValueError):
            return {}

    def write_flags(self, config: TrainConfig) -> None:
        """Writes the flags that repeat a run, unless they are there."""
        if not self.flags_file.exists():
            write_atomically(self.flags_file, "\n".join(configs.flag_lines(config)) + "\n")

    def no_checkpoint(self) -> RunDirectoryError:
        """The error for a run without a checkpoint."""
        return RunDirectoryError(f"{self.name} has no checkpoint yet; let aag-train run until it has written one.")

    def _take(self, file: TextIO, *, shared: bool = False) -> None:
        if not lock(file.fileno(), self.path, shared=shared):
            file.seek(0)
            raise RunDirectoryError(
                f"--run_dir={self.name} is being trained in by another process ({file.read().strip()}); wait for it, "
                "stop it, or name another directory."
            )

    def _is_leftover(self, path: Path) -> bool:
        """Whether a file is no result: the lock, or a file that a killed process had not finished writing."""
        written = (self.flags_file, self.record, self.metrics, self.evaluation, self.skipped)
        return path == self.lock or any(is_temporary(path, file) for file in written)

    def _unwritable(self, error: OSError) -> RunDirectoryError:
        return RunDirectoryError(
            f"--run_dir={self.name} cannot be written ({error.strerror}); name a directory that you may write to."
        )
