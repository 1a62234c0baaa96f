"""The directory of an export: numbered versions, each with a SavedModel."""

import os
from collections.abc import Collection
from pathlib import Path

from aag_tf.utils.errors import ExportError
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import Store, copy_to_read, is_store, join

MODEL_FILE = "saved_model.pb"
METADATA_FILE = "model.json"


def version_numbers(export_dir: Path) -> list[int]:
    """Versions in an export directory, ascending: subdirectories named by a number without leading zeros."""
    if not export_dir.is_dir():
        return []
    numbers = [int(entry.name) for entry in export_dir.iterdir() if entry.name.isdecimal() and entry.is_dir()]
    return sorted(number for number in numbers if (export_dir / str(number)).is_dir())


def stored_version_numbers(address: str) -> list[int]:
    """Versions in an export directory on a store, ascending: numbers below which the model file, uploaded last, lies.

    Raises:
        StoreError: the store cannot be read.
    """
    return _numbers_in(Store(address, probing=True).list())


def _numbers_in(names: Collection[str]) -> list[int]:
    parts = [name.split("/") for name in names]
    return sorted(int(part[0]) for part in parts if part[0].isdecimal() and part[1:] == [MODEL_FILE])


def version_directory(path: str | os.PathLike[str]) -> Path:
    """Returns the directory itself if it holds a SavedModel, else its newest version, as TensorFlow Serving does.

    Args:
        path: the directory; of an address of a store, the version is copied, and the copy returned.

    Raises:
        ExportError: there is no SavedModel in either.
        StoreError: the store cannot be read.
    """
    if isinstance(path, str) and is_store(path):
        names = Store(path, probing=True).list()
        numbers = [] if MODEL_FILE in names else _numbers_in(names)
        if MODEL_FILE not in names and not numbers:
            raise _no_saved_model(path)
        return copy_to_read(join(path, str(numbers[-1])) if numbers else path)
    path = user_path(path)
    if (path / MODEL_FILE).is_file():
        return path
    versions = version_numbers(path)
    if versions and (path / str(versions[-1]) / MODEL_FILE).is_file():
        return path / str(versions[-1])
    raise _no_saved_model(path)


def _no_saved_model(path: object) -> ExportError:
    return ExportError(
        f"{path} holds no SavedModel (no {MODEL_FILE} in it or in a numbered version below it); "
        "name a directory that aag-export wrote."
    )
