"""What `aag-export` can refuse at once."""

import os
from pathlib import Path

from aag_tf.config import ExportConfig
from aag_tf.config.export import SIGNATURES
from aag_tf.preflight.runs import check_same_dataset, check_trained
from aag_tf.runs.export_directory import version_numbers
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import DataError, ExportError
from aag_tf.utils.paths import nearest_existing, user_path


def check(config: ExportConfig) -> None:
    """Checks that the version is free, and that the run and the images that verify it are there."""
    plan_version(user_path(config.export_dir), config.version, overwrite=config.overwrite)
    data = check_trained(config.run_dir)
    choose_signatures(config, RunDirectory(config.run_dir).read_record())
    if config.verify or config.weights != "float32":
        without = "--noverify" if config.weights == "float32" else "--weights=float32 --noverify"
        try:
            check_same_dataset(data)
        except DataError as error:
            raise DataError(f"{str(error).rstrip('.')}; or export without these images, with {without}.") from error


def choose_signatures(config: ExportConfig, record: RunRecord) -> tuple[str, ...]:
    """Returns the signatures to write, those that the run's images allow where none are asked for.

    Raises:
        ExportError: one is asked for that they do not allow.
    """
    faults = impossible_signatures(record)
    if config.signature_names is None:
        return tuple(name for name in SIGNATURES[:-1] if name not in faults)
    for name in config.signature_names:
        if name in faults:
            others = ",".join(other for other in config.signature_names if other not in faults)
            raise ExportError(f"--signatures={name}: {faults[name]}; export with --signatures={others}.")
    return config.signature_names


def impossible_signatures(record: RunRecord) -> dict[str, str]:
    """Returns the signatures that a run's images do not allow, each with the reason."""
    faults = {}
    channels = record.image_shape[2]
    if channels not in (1, 3):
        faults["embed_bytes"] = f"JPEG, PNG, GIF and WebP files hold 1 or 3 channels, and the run's images {channels}"
    if record.reading.value_range is None:
        faults["embed_values"] = "the run's images are 8-bit, and have no other range of values"
    return faults


def plan_version(export_dir: Path, version: int | None, *, overwrite: bool) -> Path:
    """Returns the directory of the version to write, after checking that it is free and writable; creates nothing.

    Args:
        export_dir: directory of all versions; if it does not exist yet, its nearest existing parent is checked.
        version: the number, or `None` for the next one.
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
