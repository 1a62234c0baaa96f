"""What the names in a tree of image files say about splits and classes, before any file is opened.

The rules are those in the docstring of `aag_tf.data.folder`.
"""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.data.pictures import SUFFIXES
from aag_tf.data.walking import is_visible, walk_pictures
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import FRESH_SECONDS, fetched
from aag_tf.utils.text import printable

SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


class PictureFile(NamedTuple):
    """An image file with its split and the sub-folder that may name its class."""

    path: str
    split: str
    folder: str | None


def folder_path(path: str) -> Path:
    """Returns the folder that `folder:<path>` names; of an address, a local copy.

    Raises:
        DataError: there is none.
    """
    root = fetched(path, fresh_seconds=FRESH_SECONDS)
    if not root.is_dir():
        raise DataError(f"{path} is not a folder; --dataset=folder:<path> names a tree of image files.")
    return root


def split_folders(root: Path) -> list[tuple[str, Path]]:
    """Returns the split and the folder of each part of the tree."""
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and is_visible(entry.name))
    split_of = {name: SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS}
    if "train" not in split_of.values() or len(split_of) < len(folders):
        if "train" in split_of.values() and len(set(split_of.values())) > 1:
            others = sorted(set(folders) - set(split_of))
            logger.warning(
                "%s has sub-folders named like splits and others (%s), so all of them are read as classes; to use the "
                "splits, move the others away.",
                root,
                ", ".join(others[:3]),
            )
        return [("train", root)]
    for first, second in itertools.combinations(folders, 2):
        if split_of[first] == split_of[second]:
            raise DataError(f"{root} has both `{first}` and `{second}`; keep one of the two.")
    return [(split_of[name], root / name) for name in folders]


def find_pictures(root: Path, split: str) -> list[PictureFile]:
    """Returns every image file below a folder, sorted by path, so that all machines number them alike.

    Raises:
        DataError: there is none.
    """
    found = []
    for path in walk_pictures(root):
        folder, inside, _ = path.partition(os.sep)
        found.append(PictureFile(os.path.join(root, path), split, folder if inside else None))
    if not found:
        raise DataError(f"{root} has no image files; their names end in {', '.join(SUFFIXES)}.")
    return found


def _wrapped(files: list[PictureFile]) -> set[str]:
    """Returns the splits other than train whose only sub-folder is none of train's, so that it names no class."""
    folders: dict[str, set[str | None]] = {}
    for file in files:
        folders.setdefault(file.split, set()).add(file.folder)
    train = folders.get("train", set())
    return {split for split, names in folders.items() if split != "train" and len(names) == 1 and not names & train}


def label_files(files: list[PictureFile]) -> tuple[list[str] | None, npt.NDArray[np.int64]]:
    """Returns the class names of all splits (`None` if fewer than two) and the label of each file (-1 for none)."""
    unlabeled = {file.split for file in files if file.folder is None} | _wrapped(files)
    names = sorted({file.folder for file in files if file.folder is not None and file.split not in unlabeled})
    if len(names) < 2:
        return None, np.full(len(files), -1, np.int64)
    number_of = {name: number for number, name in enumerate(names)}
    labels = [-1 if file.folder is None else number_of.get(file.folder, -1) for file in files]
    return [printable(name) for name in names], np.array(labels, np.int64)
