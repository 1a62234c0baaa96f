"""The directory of an export: numbered versions, each with a SavedModel."""

from pathlib import Path

from aag_tf.utils.errors import ExportError

MODEL_FILE = "saved_model.pb"


def version_numbers(export_dir: Path) -> list[int]:
    """Versions in an export directory, ascending: subdirectories named by a number without leading zeros."""
    if not export_dir.is_dir():
        return []
    numbers = [int(entry.name) for entry in export_dir.iterdir() if entry.name.isdecimal() and entry.is_dir()]
    return sorted(number for number in numbers if (export_dir / str(number)).is_dir())


def version_directory(path: Path) -> Path:
    """Returns the directory itself if it holds a SavedModel, else its newest version, as TensorFlow Serving does.

    Raises:
        ExportError: there is no SavedModel in either.
    """
    if (path / MODEL_FILE).is_file():
        return path
    versions = version_numbers(path)
    if versions and (path / str(versions[-1]) / MODEL_FILE).is_file():
        return path / str(versions[-1])
    raise ExportError(
        f"{path} holds no SavedModel (no {MODEL_FILE} in it or in a numbered version below it); "
        "name a directory that aag-export wrote."
    )
