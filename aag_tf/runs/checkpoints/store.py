"""The checkpoints of a run on disk: each a directory that appears whole or not at all, and is verified before use.

    checkpoints/step-120/state.index
    checkpoints/step-120/state.data-00000-of-00001     what tf.train.Checkpoint writes
    checkpoints/step-120/manifest.json                 step, kNN accuracy, size and SHA-256 of each file

A checkpoint is written under a name that starts with a dot, synced and renamed; it is deleted the other way round. What
a killed process leaves behind therefore starts with a dot, and is cleared away by the next one.
"""

import contextlib
import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import logging

from aag_tf.runs.checkpoints.manifest import MANIFEST_FILE, DamagedError, Manifest
from aag_tf.utils.atomic import sync, write_atomically
from aag_tf.utils.errors import RunDirectoryError

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
        """The kNN accuracy that its manifest states; a damaged manifest states none, and is logged.

        Raises:
            RunDirectoryError: the manifest is there and cannot be read now.
        """
        try:
            with self._readable():
                return Manifest.read(self.directory).knn_accuracy
        except DamagedError as damage:
            logging.warning("the checkpoint of step %d is damaged (%s)", self.step, damage)
            return None

    def verify(self) -> None:
        """Compares every byte with what was written.

        Raises:
            DamagedError: something differs.
            RunDirectoryError: a file is there and cannot be read now.
        """
        with self._readable():
            manifest = Manifest.read(self.directory)
            if manifest.step != self.step:
                raise DamagedError(f"{MANIFEST_FILE} is that of step {manifest.step}")
            manifest.verify(self.directory)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Tells a disk or a network that fails now, and may well read it later, from damage."""
        try:
            yield
        except OSError as error:
            raise RunDirectoryError(
                f"the checkpoint of step {self.step} in {self.directory.parent} cannot be read now "
                f"({error.strerror}); mend that and try again, nothing was changed."
            ) from error


class CheckpointStore:
    """The checkpoints in one directory.

    Args:
        directory: it need not exist until something is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def all(self) -> list[StoredCheckpoint]:
        """What lies there, by ascending step; nothing is verified."""
        return sorted(self._find(), key=lambda checkpoint: checkpoint.step)

    def choose(self, which: str = "latest") -> StoredCheckpoint | None:
        """The newest checkpoint, or the one with the best kNN accuracy, that is undamaged; each damaged one is logged.

        Args:
            which: `latest`, or `best`, which falls back to the next best (of equals, the newer).

        Returns:
            `None` where there is no checkpoint at all.

        Raises:
            RunDirectoryError: all are damaged, one cannot be read now, or none has a kNN accuracy to be the best by.
        """
        candidates = self.all()
        if not candidates:
            return None
        if which == "best":
            candidates = self._ranked(candidates)
            if not candidates:
                raise RunDirectoryError(
                    f"no checkpoint in {self.directory} has a kNN accuracy to be the best by; use "
                    "--checkpoint=latest, or train on labeled images with --knn_every_epochs above 0."
                )
        damages = []
        for candidate in reversed(candidates):
            try:
                candidate.verify()
            except DamagedError as damage:
                damages.append(f"step {candidate.step}: {damage}")
                logging.warning("the checkpoint of step %d is damaged (%s)", candidate.step, damage)
                continue
            if damages:
                logging.warning("falling back to the checkpoint of step %d", candidate.step)
            return candidate
        raise RunDirectoryError(
            f"no checkpoint in {self.directory} is usable ({'; '.join(damages)}); restore the files from a copy, or "
            "start again with --overwrite."
        )

    def write(self, step: int, write_state: Callable[[str], object], *, knn_accuracy: float | None = None) -> Path:
        """Adds a checkpoint; returns its directory, which is on the disk (synced) by then.

        Args:
            step: steps that its weights have seen; one of the same step is replaced.
            write_state: given a prefix, writes files whose names start with it.
            knn_accuracy: at this step, where it was measured.
        """
        target = self.directory / f"step-{step}"
        unfinished = self.directory / f"{UNFINISHED}{target.name}"
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

    def prune(self, keep: int) -> None:
        """Deletes all but the newest `keep` checkpoints and the one with the best kNN accuracy.

        Nothing is deleted while one of them cannot be read, since it may be the best; that is logged.
        """
        found = self.all()
        try:
            best = [checkpoint.step for checkpoint in self._ranked(found)[-1:]]
        except RunDirectoryError as error:
            logging.warning("old checkpoints are kept for now: %s", error)
            return
        for checkpoint in found[:-keep]:
            if checkpoint.step not in best:
                self._remove(checkpoint)

    def clear(self, chosen: StoredCheckpoint | None) -> None:
        """Deletes what a killed process left unfinished, and checkpoints after the chosen one, which are damaged."""
        if not self.directory.is_dir():
            return
        for leftover in self.directory.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover)
        for checkpoint in self.all():
            if chosen is not None and checkpoint.step > chosen.step:
                self._remove(checkpoint)

    def bytes_held(self) -> int:
        """Size of everything in the directory."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def best_accuracy(self) -> float | None:
        """The highest kNN accuracy among the checkpoints, as their manifests say."""
        ranked = self._ranked(self.all())
        return ranked[-1].accuracy() if ranked else None

    def _find(self) -> Iterator[StoredCheckpoint]:
        if not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            if path.is_dir() and (match := re.fullmatch(r"step-(\d+)", path.name)):
                yield StoredCheckpoint(int(match[1]), path)

    def _ranked(self, found: list[StoredCheckpoint]) -> list[StoredCheckpoint]:
        """Those with a kNN accuracy, the best last; of equals the newer counts as better."""
        accuracies = [(checkpoint.accuracy(), checkpoint) for checkpoint in found]
        known = [(accuracy, checkpoint) for accuracy, checkpoint in accuracies if accuracy is not None]
        return [checkpoint for _, checkpoint in sorted(known, key=lambda entry: (entry[0], entry[1].step))]

    def _remove(self, checkpoint: StoredCheckpoint) -> None:
        shutil.rmtree(self._set_aside(checkpoint.directory))

    def _set_aside(self, directory: Path) -> Path:
        """Takes a checkpoint out of sight in one step, since deleting its files takes several."""
        aside = directory.with_name(f"{UNFINISHED}deletion-of-{directory.name}")
        shutil.rmtree(aside, ignore_errors=True)
        return directory.rename(aside)
