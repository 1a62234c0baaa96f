"""Loads models from `.keras` files in safe mode, in which no code of the file runs."""

import zipfile
from pathlib import Path

import keras

from aag_tf.utils.errors import one_line

MEMBERS = ("config.json", "model.weights.h5")
SAVE_AGAIN = "save it again with model.save('name.keras')"
LARGEST = 16 * 2**30  # bytes, unpacked: a few kilobytes of archive can claim to be anything


class UnreadableModelError(Exception):
    """A file of a model cannot be loaded; the message is a phrase, which follows its name."""


def load_keras_file(path: Path) -> keras.Model:
    """Loads the model of a `.keras` file, without what it was compiled with.

    Only this format is read: its safe mode runs no code from the file, as the older HDF5 format can.

    Raises:
        UnreadableModelError: it is another file, too large, damaged, or needs code or unregistered classes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise UnreadableModelError(f"is not a .keras file ({one_line(error, 200)}); {SAVE_AGAIN}") from error
    missing = [name for name in MEMBERS if name not in sizes]
    if missing or sum(sizes.values()) > LARGEST:
        fault = f"has no {missing[0]} in it" if missing else f"unpacks to over {LARGEST / 2**30:.0f} GiB"
        raise UnreadableModelError(f"{fault}; {SAVE_AGAIN}")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # an unknown class, code in a Lambda layer, damage: Keras raises many classes
        raise UnreadableModelError(
            f"cannot be loaded in safe mode ({one_line(error, 200)}); build it of Keras's own layers without Lambda"
        ) from error
