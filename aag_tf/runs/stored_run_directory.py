"""The directory of a run on an object store: trained in a local working copy, which is uploaded as it grows.

Uploads go in an order in which a process may be killed at any moment: record, metrics and events first, then the files
of checkpoints, then their manifests, without which a checkpoint does not count; then old checkpoints are deleted.
"""

import contextlib
import fnmatch
import functools
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import override

from aag_tf.runs.run_directory import (
    CHECKPOINT_MANIFEST,
    TENSORBOARD_FILES,
    RunDirectory,
    is_of_checkpoint,
    is_whole,
)
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.locks import lock
from aag_tf.utils.log import logger
from aag_tf.utils.stores import Claim, Mirror, Store, StoreError, is_store, remember

KEPT = ".kept"  # marks a working copy with files that could not be uploaded, which is never deleted


@contextlib.contextmanager
def training_directory(run_dir: str) -> Iterator[RunDirectory]:
    """Yields the directory to train in, at a path or an address, whose working copy is deleted at the end."""
    if not is_store(run_dir):
        yield RunDirectory(run_dir)
        return
    directory = StoredRunDirectory(run_dir)
    try:
        yield directory
    finally:
        directory.discard()


class StoredRunDirectory(RunDirectory):
    """A run directory on a store, to train in.

    Args:
        address: of the directory, such as `s3://bucket/runs/mine`.
    """

    def __init__(self, address: str) -> None:
        address = address.rstrip("/")
        self._stem = hashlib.sha256(address.encode()).hexdigest()[:16]
        copy = cache_directory() / "runs" / f"{self._stem}-{secrets.token_hex(4)}"
        remember(copy, address)
        super().__init__(copy)
        self._address = address

    @functools.cached_property
    def _mirror(self) -> Mirror:
        return Mirror(Store(self._address), self.path, self._rank, self._is_own)

    @functools.cached_property
    def _claim(self) -> Claim:
        return Claim(Store(self._address), f"--run_dir={self._address}")

    @override
    def check(self, *, resume: bool = False, overwrite: bool = False) -> None:
        names = Store(self._address, probing=True).list()
        if "" in names:
            raise RunDirectoryError(f"--run_dir={self._address} is an object; name a folder.")
        occupied = any(not name.startswith(".") for name in names)
        self._check_content(occupied, self.record.name in names, resume=resume, overwrite=overwrite)

    @override
    def check_unlocked(self) -> None:
        Store(self._address, probing=True).require_bucket()
        self._claim.check()

    @override
    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        self._remove_leftovers()
        with super().locked(), self._claim.held():
            try:
                yield
            finally:
                self._finish()

    @override
    def create(self, *, overwrite: bool = False) -> None:
        super().create()
        if overwrite:
            self._mirror.clear(last=self.record.name)
        self.fetch()

    @override
    def fetch(self, *, checkpoints: bool = True) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._mirror.pull(is_whole)

    @override
    def read_record(self) -> RunRecord:
        self.fetch()
        return super().read_record()

    @override
    def push(self) -> None:
        """Uploads what is new; if that fails, logs why, and the next call tries again.

        Raises:
            ClaimedError: another process has taken over the run.
        """
        try:
            self._upload()
        except StoreError as error:
            logger.warning("%s The run goes on in %s, and is uploaded when the store answers.", error, self.path)

    def discard(self) -> None:
        """Deletes the working copy, unless it has files that could not be uploaded."""
        if not (self.path / KEPT).exists():
            shutil.rmtree(self.path, ignore_errors=True)

    def _upload(self) -> None:
        self._claim.require()
        self._mirror.push()

    def _finish(self) -> None:
        """Uploads the rest.

        Raises:
            RunDirectoryError: that fails; the working copy is kept then.
        """
        try:
            self._upload()
        except Exception as error:
            (self.path / KEPT).touch()
            raise RunDirectoryError(
                f"{error} The store lacks the end of the run, which is in {self.path}; go on with --resume from what "
                "the store has, or copy that directory there."
            ) from error

    def _remove_leftovers(self) -> None:
        """Deletes working copies of this run that killed processes left."""
        for other in self.path.parent.glob(f"{self._stem}-*"):
            if other != self.path and not (other / KEPT).exists() and not _is_locked(other / self.lock.name):
                shutil.rmtree(other, ignore_errors=True)

    def _rank(self, name: str) -> int:
        """The record comes first, since it makes the directory a run's; the manifests of checkpoints last."""
        if name == self.record.name:
            return 0
        if not is_of_checkpoint(name):
            return 1
        return 3 if name.endswith(f"/{CHECKPOINT_MANIFEST}") else 2

    def _is_own(self, name: str) -> bool:
        files = (self.flags_file, self.record, self.metrics, self.evaluation, self.report, self.skipped)
        patterns = (*TENSORBOARD_FILES, self._earlier_events.name)
        return (
            name in [file.name for file in files]
            or is_of_checkpoint(name)
            or any(fnmatch.fnmatchcase(name, each) or name.startswith(f"{each}/") for each in patterns)
        )


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            return not lock(file.fileno(), path)
    except OSError:
        return False
