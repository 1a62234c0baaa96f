"""Walks a tree of image files in the order of its paths without holding the whole list in memory."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from aag_tf.data import pictures
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named

MOST_NAMED = 5  # suffixes of ignored files that the warning counts


def walk_pictures(root: str | os.PathLike[str]) -> Iterator[str]:
    """Yields the image files below a folder as relative paths, sorted by their parts, alike on all machines.

    Links are followed, but no folder is entered twice, because a link may lead back up. Hidden files and folders,
    `__MACOSX` and files without an image suffix are ignored, the last with a warning that counts them by suffix; a
    folder that cannot be listed is named in a warning. Only the names in the current folder and its parents are held in
    memory.
    """
    entered: set[tuple[int, int]] = set()
    others: Counter[str] = Counter()
    open_folders = [iter(_content(os.fspath(root), "", entered, others))]
    while open_folders:
        path, is_folder = next(open_folders[-1], (None, False))
        if path is None:
            open_folders.pop()
        elif is_folder:
            open_folders.append(iter(_content(os.fspath(root), path, entered, others)))
        else:
            yield path
    if others:
        counts = ", ".join(
            f"{count:,} {suffix or 'without suffix'}" for suffix, count in others.most_common(MOST_NAMED)
        )
        logger.warning("ignored files in %s whose names have no image suffix: %s.", named(root), counts)


def is_visible(folder_name: str) -> bool:
    """Whether a folder of this name is searched for images."""
    return not folder_name.startswith(".") and folder_name != "__MACOSX"


def _content(root: str, below: str, entered: set[tuple[int, int]], others: Counter[str]) -> list[tuple[str, bool]]:
    """Lists pictures and folders directly in a folder, sorted: path below the root, and whether it is a folder.

    Other files that are not hidden are counted in `others` by suffix.
    """
    try:
        folder = os.path.join(root, below)
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            return []
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            content = sorted((entry.name, _is_folder(entry)) for entry in entries)
    except OSError as error:
        logger.warning("skipped the folder %s, which cannot be listed: %s", named(Path(root, below)), error.strerror)
        return []
    found = []
    for name, is_folder in content:
        if is_visible(name) if is_folder else pictures.is_picture(name, folder):
            found.append((os.path.join(below, name), is_folder))
        elif not is_folder and not name.startswith("."):
            others[os.path.splitext(name)[1].lower()] += 1
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; anything that is not a folder is tried as a picture
        return False
