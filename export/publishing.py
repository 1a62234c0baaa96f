"""Publishes version directories as TensorFlow Serving reads them: numbered, complete or absent, never half written.

A version is written under a hidden name. One that is replaced exchanges its name with the new one, so that there is no
moment without it. Where a file system cannot do that, it is renamed first; if the process is killed just then, the next
export gives it back its name.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from aag_tf.export.uploading import staged_upload
from aag_tf.utils.atomic import exchange, sync
from aag_tf.utils.errors import ExportError, disk_reason, one_line
from aag_tf.utils.locks import lock_new, unless_in_use
from aag_tf.utils.scratch import scratch_directory
from aag_tf.utils.stores import is_store, named

STAGING = re.compile(r"\.\d+\.[0-9a-f]{8}")  # `.VERSION.xxxxxxxx`
REPLACED = re.compile(r"\.(\d+)\.replaced-[0-9a-f]{8}")


@contextlib.contextmanager
def staged(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yields an empty directory to fill, which is renamed to `target` on success and deleted on any error.

    Until then it has a hidden name beside `target`, which TensorFlow Serving ignores. What killed exports left there is
    deleted. Where `target` is a copy of a directory on a store, the store gets it (`aag_tf.export.uploading`).

    Raises:
        ExportError: another process wrote `target` meanwhile, or it cannot be written (the disk is full, say).
    """
    if is_store(address := named(target)):
        with staged_upload(address, overwrite=overwrite) as staging:
            yield staging
        return
    entered = False
    try:
        with scratch_directory(target.parent, f".{target.name}.", STAGING) as staging:
            entered = True
            yield staging
            _publish(staging, target, overwrite=overwrite)
    except (OSError, tf.errors.OpError) as error:  # the second where TensorFlow writes variables
        why = disk_reason(error) or one_line(error, 200)
        if not entered:
            raise ExportError(
                f"--export_dir={target.parent} cannot be written ({why}); name one that you may write to."
            ) from error
        raise ExportError(f"{target} cannot be written ({why}); fix that and export again.") from error


def recover(export_dir: Path) -> None:
    """Gives versions back their names where a process was killed while it replaced them without an exchange."""
    if not export_dir.is_dir():
        return
    with contextlib.suppress(OSError):  # then writing says more
        for path in export_dir.iterdir():
            if match := REPLACED.fullmatch(path.name):
                with unless_in_use(path) as is_abandoned:
                    if is_abandoned and not (export_dir / match[1]).exists():
                        path.rename(export_dir / match[1])
                    elif is_abandoned:
                        shutil.rmtree(path, ignore_errors=True)


def _publish(staging: Path, target: Path, *, overwrite: bool) -> None:
    _sync_below(staging)  # otherwise a power cut could leave a published version with empty files
    if overwrite and target.exists():
        if not exchange(staging, target):
            _replace_in_steps(staging, target)
    else:
        _rename(staging, target)
    try:
        sync(target.parent)  # before the replaced version, which may have the name of `staging` now, is deleted
    except OSError as error:
        raise ExportError(
            f"{target} is published, and its disk does not say that it will outlive a power cut ({error.strerror}); "
            "check the disk."
        ) from error


def _rename(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as error:
        raise ExportError(
            f"{target} could not be published ({error.strerror}), perhaps because another export wrote it meanwhile; "
            "export again without --version to take the next free number."
        ) from error


def _replace_in_steps(staging: Path, target: Path) -> None:
    """Replaces a version where names cannot be exchanged; `recover` mends it if the process is killed in between."""
    replaced = target.with_name(f".{target.name}.replaced-{secrets.token_hex(4)}")
    descriptor = os.open(target, os.O_RDONLY)  # locked, so that no other export recovers it now
    try:
        lock_new(descriptor, target)
        target.rename(replaced)
        try:
            _rename(staging, target)
        except ExportError:
            replaced.rename(target)
            raise
        sync(target.parent)  # before the replaced version is deleted
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        os.close(descriptor)


def _sync_below(directory: Path) -> None:
    for folder, _, names in os.walk(directory, topdown=False):
        for path in (*(os.path.join(folder, name) for name in names), folder):
            sync(path)
