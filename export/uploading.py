"""Publishes version directories to object stores: uploaded under their number, the model file last.

A store has no renames, so a version grows before its readers' eyes; but no reader takes it for a version, and
TensorFlow cannot load it, before the model file is there. Every other file has been read back and compared by then.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

from aag_tf.runs.export_directory import MODEL_FILE
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.errors import ExportError, disk_reason, one_line
from aag_tf.utils.scratch import scratch_directory
from aag_tf.utils.stores import THREADS, Claim, Store, StoreError

OWN = re.compile(r"export-[0-9a-f]{8}")


@contextlib.contextmanager
def staged_upload(address: str, *, overwrite: bool) -> Iterator[Path]:
    """Yields an empty local directory to fill, which is uploaded on success; it is deleted in any case.

    Args:
        address: of the version.
        overwrite: whether a version that exists is replaced. It is gone while the new one is uploaded.

    Raises:
        ExportError: another process wrote the version meanwhile, or a file differs when it is read back.
        ClaimedError: another export is uploading to the same directory.
        StoreError: the store cannot be written. No readable version is left then.
    """
    place = cache_directory() / "exports"
    try:
        with scratch_directory(place, "export-", OWN) as staging:
            yield staging
            _upload(staging, address, overwrite=overwrite)
    except (OSError, tf.errors.OpError) as error:  # the second where TensorFlow writes variables
        why = disk_reason(error) or one_line(error, 200)
        raise ExportError(f"{place} cannot be written ({why}); fix that and export again.") from error


def _upload(directory: Path, address: str, *, overwrite: bool) -> None:
    parent, _, _ = address.rpartition("/")
    version = Store(address)
    files = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    with Claim(Store(parent), f"--export_dir={parent}").held():
        found = version.list()
        if MODEL_FILE in found and not overwrite:
            raise ExportError(
                f"{address} was written by another export meanwhile; export again without --version to take the next "
                "free number."
            )
        # The model file first: without it the others are no version. They may also be those of a killed upload.
        _remove(version, list(found))
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda name: _put(version, name, files[name]), sorted(set(files) - {MODEL_FILE})))
            _put(version, MODEL_FILE, files[MODEL_FILE])
        except BaseException:
            with contextlib.suppress(StoreError):
                _remove(version, list(files))
            raise


def _put(version: Store, name: str, path: Path) -> None:
    """Uploads a file, reads it back and compares."""
    version.upload(path, name)
    with path.open("rb") as file:
        expected = hashlib.file_digest(file, "sha256").hexdigest()
    if version.digest(name) != expected:
        raise ExportError(
            f"{version.address}/{name} is not what was uploaded when it is read back; nothing was published."
        )


def _remove(version: Store, names: list[str]) -> None:
    for name in sorted(names, key=lambda name: name != MODEL_FILE):
        version.remove(name)
