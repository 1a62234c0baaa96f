"""`folder:<path>`: a tree of image files.

- Splits: where the only sub-folders are `train` and some of `validation` (or `val`, `valid`) and `test`, in small or
  capital letters, those are the splits. Otherwise everything is train (a class may well be called "train").
- Labels: the name of the first sub-folder below the split's folder, sorted by name, if every image of the split lies
  in one and there are at least two of them; otherwise the split is unlabeled. Names that train has, one alone is
  enough for.
- Hidden files and folders, `__MACOSX` and files without an image suffix are passed over.
"""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from absl import logging

from aag_tf.config import DataConfig
from aag_tf.data import pictures
from aag_tf.data.images import SelectedImages
from aag_tf.data.picture_reading import read_pictures
from aag_tf.data.splits import Source, Split
from aag_tf.data.walking import is_visible, walk_pictures
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path
from aag_tf.utils.text import printable

SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


class PictureFile(NamedTuple):
    """An image file with its split, and the sub-folder that may name its class."""

    path: str
    split: str
    folder: str | None


def read_folder(path: str, config: DataConfig) -> Source:
    """Reads a tree of image files; the module's docstring has the rules.

    Broken files are skipped, and named in a logged warning.

    Raises:
        DataError: the folder is missing, or no file of one of its splits is an image that can be read.
    """
    root = user_path(path)
    if not root.is_dir():
        raise DataError(f"{path} is not a folder; --dataset=folder:<path> names a tree of image files.")
    found = [file for split, folder in _split_folders(root) for file in _find_pictures(folder, split)]
    usable, images = read_pictures(f"folder:{path}", [file.path for file in found], config.image_size)
    files = [found[number] for number in usable]
    class_names, labels = _label(files)
    splits: dict[str, Split] = {}
    for part in dict.fromkeys(file.split for file in found):
        rows = np.array([row for row, file in enumerate(files) if file.split == part], np.int64)
        if len(rows) == 0:
            raise DataError(f"none of the image files in the {part} part of {path} can be read; mend or remove it.")
        known = class_names is not None and labels[rows].min() >= 0
        if not known and any(files[row].folder is not None for row in rows):
            logging.warning("%s images of folder:%s have no labels: no two sub-folders hold them all.", part, path)
        splits[part] = Split(SelectedImages(images, rows), labels[rows] if known else None)
    return Source(f"folder:{path}", splits["train"], splits.get("validation"), splits.get("test"), class_names)


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    """Split and folder of each part of the tree."""
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and is_visible(entry.name))
    split_of = {name: SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS}
    if "train" not in split_of.values() or len(split_of) < len(folders):
        if "train" in split_of.values() and len(set(split_of.values())) > 1:
            others = sorted(set(folders) - set(split_of))
            logging.warning(
                "%s has sub-folders named as splits, and others beside them (%s): all are taken for classes; move the "
                "others away if they are none.",
                root,
                ", ".join(others[:3]),
            )
        return [("train", root)]
    for first, second in itertools.combinations(folders, 2):
        if split_of[first] == split_of[second]:
            raise DataError(f"{root} has both `{first}` and `{second}`; keep one of the two.")
    return [(split_of[name], root / name) for name in folders]


def _find_pictures(root: Path, split: str) -> list[PictureFile]:
    """Every image file below a folder, sorted by its path, so that all machines count them alike.

    Raises:
        DataError: there is none.
    """
    found = []
    for path in walk_pictures(root):
        folder, inside, _ = path.partition(os.sep)
        found.append(PictureFile(os.path.join(root, path), split, folder if inside else None))
    if not found:
        raise DataError(f"{root} has no image files; their names end in {', '.join(pictures.SUFFIXES)}.")
    return found


def _wrapped(files: list[PictureFile]) -> set[str]:
    """Splits other than train whose images lie in one sub-folder that train does not have: it names no class."""
    folders: dict[str, set[str | None]] = {}
    for file in files:
        folders.setdefault(file.split, set()).add(file.folder)
    train = folders.get("train", set())
    return {split for split, names in folders.items() if split != "train" and len(names) == 1 and not names & train}


def _label(files: list[PictureFile]) -> tuple[list[str] | None, npt.NDArray[np.int64]]:
    """Class names over all splits (`None` where there are fewer than two), and labels, -1 where there are none."""
    unlabeled = {file.split for file in files if file.folder is None} | _wrapped(files)
    names = sorted({file.folder for file in files if file.folder is not None and file.split not in unlabeled})
    if len(names) < 2:
        return None, np.full(len(files), -1, np.int64)
    number_of = {name: number for number, name in enumerate(names)}
    labels = [-1 if file.folder is None else number_of.get(file.folder, -1) for file in files]
    return [printable(name) for name in names], np.array(labels, np.int64)
