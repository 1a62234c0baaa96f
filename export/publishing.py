"""Version directories as TensorFlow Serving reads them: numbered, complete or absent, never half written."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from aag_tf.runs.exported import version_numbers
from aag_tf.utils.atomic import sync
from aag_tf.utils.errors import ExportError, one_line
from aag_tf.utils.paths import nearest_existing


def plan_version(export_dir: Path, version: int | None, *, overwrite: bool) -> Path:
    """The directory of the version to write, known to be free and writable before any work is done; nothing is made.

    Args:
        export_dir: what holds the versions; where it does not exist, its nearest parent that does is checked.
        version: the number, or `None` for one above the highest there is.
        overwrite: whether a version that exists may be replaced.

    Raises:
        ExportError: the version exists, or the directory cannot be written.
    """
    nearest = nearest_existing(export_dir)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ExportError(f"--export_dir={export_dir} cannot be written; name a directory that you may write to.")
    if version is None:
        version = max(version_numbers(export_dir), default=0) + 1
    target = export_dir / str(version)
    if target.exists() and not overwrite:
        raise ExportError(
            f"{target} exists; leave --version out to take the next free number, or add --overwrite to replace it."
        )
    return target


@contextlib.contextmanager
def staged(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives an empty directory to fill, which becomes `target` on success and vanishes on any error.

    It lies beside `target`, so that a rename publishes it, under a name that TensorFlow Serving ignores.

    Raises:
        ExportError: another process wrote `target` in the meantime, or it cannot be written (the disk is full, say).
    """
    staging = _beside(target)
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise ExportError(
            f"--export_dir={target.parent} cannot be made ({error.strerror}); name a directory that you may write to."
        ) from error
    try:
        yield staging
        _publish(staging, target, overwrite=overwrite)
    except (OSError, tf.errors.OpError) as error:  # TensorFlow's own where it writes variables
        why = getattr(error, "strerror", None) or one_line(error, 200)
        raise ExportError(f"{target} cannot be written ({why}); mend that and export again.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where it was published


def _publish(staging: Path, target: Path, *, overwrite: bool) -> None:
    _sync_below(staging)  # or a power cut could leave a version with empty files under its published name
    replaced = _beside(target)
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
    sync(target.parent)  # before the version that it replaces is deleted
    shutil.rmtree(replaced, ignore_errors=True)


def _sync_below(directory: Path) -> None:
    for folder, _, names in os.walk(directory, topdown=False):
        for path in (*(os.path.join(folder, name) for name in names), folder):
            sync(path)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
