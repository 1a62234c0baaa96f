"""Publishes version directories as TensorFlow Serving reads them: numbered, complete or absent, never half written."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from aag_tf.export.uploading import staged_upload
from aag_tf.utils.atomic import sync
from aag_tf.utils.errors import ExportError, one_line
from aag_tf.utils.stores import is_store, named


@contextlib.contextmanager
def staged(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yields an empty directory to fill, which is renamed to `target` on success and deleted on any error.

    Until then it has a hidden name beside `target`, which TensorFlow Serving ignores. Where `target` is a copy of a
    directory on a store, the store gets it (`aag_tf.export.uploading`).

    Raises:
        ExportError: another process wrote `target` meanwhile, or it cannot be written (the disk is full, say).
    """
    if is_store(address := named(target)):
        with staged_upload(address, overwrite=overwrite) as staging:
            yield staging
        return
    staging = _hidden_sibling(target)
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise ExportError(
            f"--export_dir={target.parent} cannot be created ({error.strerror}); name one that you may write to."
        ) from error
    try:
        yield staging
        _publish(staging, target, overwrite=overwrite)
    except (OSError, tf.errors.OpError) as error:  # the second where TensorFlow writes variables
        why = getattr(error, "strerror", None) or one_line(error, 200)
        raise ExportError(f"{target} cannot be written ({why}); fix that and export again.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # does nothing after publishing


def _publish(staging: Path, target: Path, *, overwrite: bool) -> None:
    _sync_below(staging)  # otherwise a power cut could leave a published version with empty files
    replaced = _hidden_sibling(target)
    if overwrite and target.exists():
        target.rename(replaced)
    try:
        staging.rename(target)
    except OSError as error:
        if replaced.exists():
            replaced.rename(target)
        raise ExportError(
            f"{target} could not be published ({error.strerror}), perhaps because another export wrote it meanwhile; "
            "export again without --version to take the next free number."
        ) from error
    sync(target.parent)  # before the replaced version is deleted
    shutil.rmtree(replaced, ignore_errors=True)


def _sync_below(directory: Path) -> None:
    for folder, _, names in os.walk(directory, topdown=False):
        for path in (*(os.path.join(folder, name) for name in names), folder):
            sync(path)


def _hidden_sibling(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
