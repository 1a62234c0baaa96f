"""What `aag-export` can refuse at once."""

import os
from pathlib import Path

from aag_tf.config import ExportConfig
from aag_tf.preflight.runs import check_same_dataset, check_trained
from aag_tf.runs.export_directory import stored_version_numbers, version_numbers
from aag_tf.utils.errors import DataError, ExportError
from aag_tf.utils.paths import nearest_existing
from aag_tf.utils.stores import Store, is_store, local_path, named


def check(config: ExportConfig) -> None:
    """Checks that the version is free, and that the run and the images that verify it are there."""
    plan_version(config.export_dir, config.version, overwrite=config.overwrite)
    data = check_trained(config.run_dir)
    if config.verify or config.weights != "float32":
        without = "--noverify" if config.weights == "float32" else "--weights=float32 --noverify"
        try:
            check_same_dataset(data)
        except DataError as error:
            raise DataError(f"{str(error).rstrip('.')}; or export without these images, with {without}.") from error


def plan_version(directory: str, version: int | None, *, overwrite: bool) -> Path:
    """Returns the directory of the version to write, after checking that it is free and writable; creates nothing.

    Args:
        directory: of all versions, a path or an address; if it does not exist yet, its nearest existing parent is
            checked.
        version: the number, or `None` for the next one.
        overwrite: whether a version that exists may be replaced.

    Raises:
        ExportError: the version exists, or the directory cannot be written.
        StoreError: the store cannot be reached.
    """
    export_dir = local_path(directory)
    if is_store(directory):
        Store(directory, probing=True).require_bucket()
        taken = stored_version_numbers(directory)
        target = export_dir / str(version or max(taken, default=0) + 1)
        exists = int(target.name) in taken
    else:
        _check_writable(export_dir)
        target = export_dir / str(version or max(version_numbers(export_dir), default=0) + 1)
        exists = target.exists()
    if exists and not overwrite:
        raise ExportError(
            f"{named(target)} exists; leave --version out to take the next free number, or add --overwrite to replace "
            "it."
        )
    return target


def _check_writable(export_dir: Path) -> None:
    nearest = nearest_existing(export_dir)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ExportError(f"--export_dir={export_dir} cannot be written; name a directory that you may write to.")
