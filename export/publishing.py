"""Version directories as TensorFlow Serving reads them: numbered, complete or absent, never half written."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from aag_tf.errors import ExportError
from aag_tf.saved_model import version_numbers


def plan_version(export_dir: Path, version: int | None, *, overwrite: bool, make: bool = True) -> Path:
    """The directory of the version to write, known to be free and writable before any work is done.

    Args:
        export_dir: what holds the versions; made where it does not exist.
        version: the number, or `None` for one above the highest there is.
        overwrite: whether a version that exists may be replaced.
        make: whether to make `export_dir`; otherwise its nearest parent that exists is checked instead.

    Raises:
        ExportError: the version exists, or the directory cannot be written.
    """
    try:
        if make:
            export_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"--export_dir={export_dir} cannot be made ({error.strerror}); name a directory that you may write to."
        ) from error
    nearest = next(path for path in (export_dir, *export_dir.absolute().parents) if path.exists())
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
        ExportError: another process wrote `target` in the meantime.
    """
    staging = _beside(target)
    staging.mkdir()
    try:
        yield staging
        _publish(staging, target, overwrite=overwrite)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where it was published


def _publish(staging: Path, target: Path, *, overwrite: bool) -> None:
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
    shutil.rmtree(replaced, ignore_errors=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
