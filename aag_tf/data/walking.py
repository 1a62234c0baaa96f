"""A tree of image files, walked in the order of its paths without ever being held as a whole."""

import os
from collections.abc import Iterator
from pathlib import Path

from absl import logging

from aag_tf.data import pictures


def walk_pictures(root: str | os.PathLike[str]) -> Iterator[str]:
    """The image files below a folder as paths relative to it, sorted by their parts, so that all machines count alike.

    Links are followed, but no folder is entered twice, since a link may lead back up. Hidden files and folders,
    `__MACOSX` and files without an image suffix are passed over; a folder that cannot be listed is named in a warning.
    Only the names in the folders on the way to the current one are in memory.
    """
    return _walk(os.fspath(root), "", set())


def is_visible(folder_name: str) -> bool:
    """Whether a folder of this name is entered."""
    return not folder_name.startswith(".") and folder_name != "__MACOSX"


def _walk(root: str, below: str, entered: set[tuple[int, int]]) -> Iterator[str]:
    try:
        folder = os.path.join(root, below)
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            content = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError as error:
        logging.warning("skipped the folder %s, which cannot be listed: %s", Path(root, below), error.strerror)
        return
    for name, is_folder in content:
        if is_folder and is_visible(name):
            yield from _walk(root, os.path.join(below, name), entered)
        elif not is_folder and pictures.is_picture(name):
            yield os.path.join(below, name)
