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
    entered: set[tuple[int, int]] = set()
    open_folders = [iter(_content(os.fspath(root), "", entered))]
    while open_folders:
        path, is_folder = next(open_folders[-1], (None, False))
        if path is None:
            open_folders.pop()
        elif is_folder:
            open_folders.append(iter(_content(os.fspath(root), path, entered)))
        else:
            yield path


def is_visible(folder_name: str) -> bool:
    """Whether a folder of this name is entered."""
    return not folder_name.startswith(".") and folder_name != "__MACOSX"


def _content(root: str, below: str, entered: set[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Pictures and folders directly in a folder, as paths below the root and whether it is a folder, sorted."""
    try:
        folder = os.path.join(root, below)
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            return []
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            content = sorted((entry.name, _is_folder(entry)) for entry in entries)
    except OSError as error:
        logging.warning("skipped the folder %s, which cannot be listed: %s", Path(root, below), error.strerror)
        return []
    return [
        (os.path.join(below, name), is_folder)
        for name, is_folder in content
        if (is_visible(name) if is_folder else pictures.is_picture(name))
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; what is no folder is tried as a picture
        return False
