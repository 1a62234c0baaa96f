"""The checkpoints of a run on disk: each directory appears whole or not at all, and is verified before use.

    checkpoints/step-120/state.index
    checkpoints/step-120/state.data-00000-of-00001     what tf.train.Checkpoint writes
    checkpoints/step-120/manifest.json                 step, kNN accuracy, size and SHA-256 of each file

A checkpoint is written under a name that starts with a dot, synced and renamed; before it is deleted, it is
renamed back. So what a killed process leaves behind starts with a dot, and the next process deletes it.
"""

import contextlib
import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from aag_tf.runs.checkpoints.manifest import MANIFEST_FILE, DamagedError, Manifest
from aag_tf.utils.atomic import naming, sync, write_atomically
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named

STATE = "state"  # the prefix of TensorFlow's files
UNFINISHED = ".unfinished-"


@dataclasses.dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint on disk, verified or not.

    Args:
        step: steps that its weights have seen.
        directory: where its files lie.
    """

    step: int
    directory: Path

    @property
    def prefix(self) -> Path:
        """What `tf.train.Checkpoint.read` takes."""
        return self.directory / STATE

    def accuracy(self) -> float | None:
        """Returns the kNN accuracy in its manifest; logs a damaged manifest and returns `None`.

        Raises:
            RunDirectoryError: the manifest exists and cannot be read now.
        """
        try:
            with self._readable():
                return Manifest.read(self.directory).knn_accuracy
        except DamagedError as damage:
            logger.warning("the checkpoint of step %d is damaged (%s)", self.step, damage)
            return None

    def verify(self) -> None:
        """Checks every byte against the manifest.

        Raises:
            DamagedError: something differs.
            RunDirectoryError: a file exists and cannot be read now.
        """
        with self._readable():
            manifest = Manifest.read(self.directory)
            if manifest.step != self.step:
                raise DamagedError(f"{MANIFEST_FILE} is that of step {manifest.step}")
            manifest.verify(self.directory)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Converts `OSError`, of a disk or network that may work again later, to `RunDirectoryError`."""
        try:
            yield
        except OSError as error:
            raise RunDirectoryError(
                f"the checkpoint of step {self.step} in {named(self.directory.parent)} cannot be read now "
                f"({error.strerror}); mend that and try again, nothing was changed."
            ) from error


class CheckpointStore:
    """The checkpoints in one directory.

    Args:
        directory: made when the first checkpoint is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def all(self) -> list[StoredCheckpoint]:
        """Returns the checkpoints by ascending step, without verifying them."""
        return sorted(self._find(), key=lambda checkpoint: checkpoint.step)

    def choose(self, which: str = "latest", *, until: int | None = None) -> StoredCheckpoint | None:
        """Returns the newest undamaged checkpoint, or the best by kNN accuracy; logs each damaged one.

        Args:
            which: `latest`, or `best`, which falls back to the next best (the newer of equals).
            until: the last step to look at; `None` for no limit.

        Returns:
            `None` where there is no checkpoint.

        Raises:
            RunDirectoryError: all are damaged, one cannot be read now, or none has a kNN accuracy to be the best by.
        """
        candidates = [stored for stored in self.all() if until is None or stored.step <= until]
        if not candidates:
            return None
        if which == "best":
            candidates = self._ranked(candidates)
            if not candidates:
                raise RunDirectoryError(
                    f"no checkpoint in {named(self.directory)} has a kNN accuracy to be the best by; use "
                    "--checkpoint=latest, or train on labeled images with --knn_every_epochs above 0."
                )
        damages = []
        for candidate in reversed(candidates):
            try:
                candidate.verify()
            except DamagedError as damage:
                damages.append(f"step {candidate.step}: {damage}")
                logger.warning("the checkpoint of step %d is damaged (%s)", candidate.step, damage)
                continue
            if damages:
                logger.warning("falling back to the checkpoint of step %d", candidate.step)
            return candidate
        raise RunDirectoryError(
            f"no checkpoint in {named(self.directory)} is usable ({'; '.join(damages)}); restore the files from a "
            "copy, or start again with --overwrite."
        )

    def write(self, step: int, write_state: Callable[[str], object], *, knn_accuracy: float | None = None) -> Path:
        """Adds a checkpoint, synced to the disk; returns its directory.

        Args:
            step: optimizer steps that its weights have seen; replaces a checkpoint of the same step.
            write_state: takes a prefix and writes files whose names start with it.
            knn_accuracy: at this step, in [0, 1]; `None` where it was not measured.
        """
        target = self.directory / f"step-{step}"
        unfinished = self.directory / f"{UNFINISHED}{target.name}"
        with naming(target):
            self.directory.mkdir(exist_ok=True)
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                write_state(str(unfinished / STATE))
                manifest = Manifest.of(unfinished, step, knn_accuracy)
                for name in manifest.files:
                    sync(unfinished / name)
                write_atomically(unfinished / MANIFEST_FILE, manifest.to_json())
                replaced = self._set_aside(target) if target.exists() else None
                unfinished.rename(target)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            sync(self.directory)
        if replaced is not None:
            shutil.rmtree(replaced)
        return target

    def prune(self, keep: int, *, keep_until: int | None = None) -> None:
        """Deletes all but the newest `keep` checkpoints, the one with the best kNN accuracy, and that of `keep_until`.

        Deletes nothing, and logs that, while a manifest cannot be read, since it may be that of the best.

        Args:
            keep: how many of the newest stay.
            keep_until: the newest up to this step stays too; `None` for none.
        """
        found = self.all()
        try:
            kept = self._ranked(found)[-1:]
        except RunDirectoryError as error:
            logger.warning("old checkpoints are kept for now: %s", error)
            return
        if keep_until is not None:
            kept += [checkpoint for checkpoint in found if checkpoint.step <= keep_until][-1:]
        for checkpoint in found[:-keep]:
            if checkpoint not in kept:
                self._remove(checkpoint)

    def clear(self, chosen: StoredCheckpoint | None) -> None:
        """Deletes unfinished files of killed processes, and the damaged checkpoints after the chosen one."""
        if not self.directory.is_dir():
            return
        for leftover in self.directory.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover)
        for checkpoint in self.all():
            if chosen is not None and checkpoint.step > chosen.step:
                self._remove(checkpoint)

    def bytes_held(self) -> int:
        """Size of all files in the directory, in bytes."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def best_accuracy(self) -> float | None:
        """The highest kNN accuracy in the manifests of the checkpoints."""
        ranked = self._ranked(self.all())
        return ranked[-1].accuracy() if ranked else None

    def _find(self) -> Iterator[StoredCheckpoint]:
        if not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            if path.is_dir() and (match := re.fullmatch(r"step-(\d+)", path.name)):
                yield StoredCheckpoint(int(match[1]), path)

    def _ranked(self, found: list[StoredCheckpoint]) -> list[StoredCheckpoint]:
        """Returns those with a kNN accuracy, the best last; of equals the newer is better."""
        accuracies = [(checkpoint.accuracy(), checkpoint) for checkpoint in found]
        known = [(accuracy, checkpoint) for accuracy, checkpoint in accuracies if accuracy is not None]
        return [checkpoint for _, checkpoint in sorted(known, key=lambda entry: (entry[0], entry[1].step))]

    def _remove(self, checkpoint: StoredCheckpoint) -> None:
        shutil.rmtree(self._set_aside(checkpoint.directory))

    def _set_aside(self, directory: Path) -> Path:
        """Hides a checkpoint by one atomic rename, since deleting its files takes several steps."""
        aside = directory.with_name(f"{UNFINISHED}deletion-of-{directory.name}")
        shutil.rmtree(aside, ignore_errors=True)
        return directory.rename(aside)
