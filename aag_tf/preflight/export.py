"""What `aag-export` can refuse at once."""

import os
from pathlib import Path

from aag_tf.config import DataConfig, ExportConfig
from aag_tf.config.embed_views import check_mirrored
from aag_tf.config.export import SIGNATURES
from aag_tf.preflight.runs import check_same_dataset, check_trained
from aag_tf.runs.classifier_record import read_classifier_record
from aag_tf.runs.export_directory import stored_version_numbers, version_numbers
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import DataError, ExportError
from aag_tf.utils.paths import nearest_existing, user_path
from aag_tf.utils.stores import Store, is_store, local_path, named


def check(config: ExportConfig) -> None:
    """Checks that the version is free, and that the classifier, or the run and the images that verify it, are there."""
    plan_version(config.export_dir, config.version, overwrite=config.overwrite)
    if config.classifier is not None:
        read_classifier_record(user_path(config.classifier))
        return
    data = check_trained(config.run_dir)
    record = RunDirectory(config.run_dir).read_record()
    check_mirrored(config.embed_views, flip=record.config.augment.flip)
    choose_signatures(config, record)
    if config.verify or config.weights != "float32":
        try:
            check_same_dataset(data)
        except DataError as error:
            raise images_missing(error, config, data) from error


def without_images(config: ExportConfig) -> str:
    """The flags that export without the images of the run; the cost of 16 bits is measured on them too."""
    return "--noverify" if config.weights == "float32" else "--weights=float32 --noverify"


def images_missing(error: DataError, config: ExportConfig, data: DataConfig) -> DataError:
    """The error for a run whose images, which verify the export, cannot be read; the run says which they are."""
    wrong = str(error).partition("; ")[0].rstrip(".")  # what follows advises to name others
    prepared = data.dataset.startswith("tfds:") and data.data_dir is None
    place = "name their directory in the variable TFDS_DATA_DIR" if prepared else "put them back"
    scheme, _, path = data.dataset.partition(":")
    if scheme != "tfds" and path and not is_store(path) and not user_path(path).is_absolute():
        place = "give the command in the directory of the training, from which that path goes, or put them back"
    return DataError(
        f"the images of the run, which verify the export, cannot be read: {wrong}; {place}, or export without them, "
        f"with {without_images(config)}."
    )


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
