"""`folder:<path>`: a tree of image files.

Which of its folders are splits and classes is decided by their names (`aag_tf.data.folder_layout`), or by `--splits`
and `--labels`. Hidden files and folders, `__MACOSX` and files without an image suffix are ignored.
"""

import os
from pathlib import Path

from aag_tf.config import DataConfig
from aag_tf.config.data import suggested_name
from aag_tf.config.layout import HERE, read_labels, read_splits
from aag_tf.data.early_layout import early_parts
from aag_tf.data.listing import Found, Listing, arrange
from aag_tf.data.pictures import SUFFIXES
from aag_tf.data.split_names import role_of
from aag_tf.data.tables import with_labels
from aag_tf.data.walking import is_visible, walk_pictures
from aag_tf.utils.errors import DataError
from aag_tf.utils.stores import FRESH_SECONDS, fetched, named
from aag_tf.utils.text import command_line


def list_folder(path: str, config: DataConfig) -> Listing:
    """Lists a tree of image files, sorted by path, so that all machines number them alike; opens none.

    Raises:
        DataError: the folder is missing, has no image files, or its layout is unclear.
    """
    root = folder_path(path)
    files = [Found(os.path.join(root, below), below) for below in walk_pictures(root)]
    if not files:
        raise _no_images(root)
    name, table = f"folder:{path}", read_labels(config.layout.labels)
    if table is not None:
        files = with_labels(name, files, table, config.layout.columns)
    folders = [entry.name for entry in root.iterdir() if entry.is_dir() and is_visible(entry.name)]
    listing = arrange(name, files, config.layout, labeled=table is not None, early=early_parts(folders))
    _refuse_empty_splits(root, listing)
    return listing


def folder_path(path: str) -> Path:
    """Returns the folder that `folder:<path>` names; of an address, a local copy.

    Raises:
        DataError: there is none.
    """
    root = fetched(path, fresh_seconds=FRESH_SECONDS)
    if not root.is_dir():
        meant = suggested_name(path)
        if meant is not None:
            raise DataError(f"{path} is a file and not a folder; did you mean {command_line(f'--dataset={meant}')}?")
        raise DataError(f"{path} is not a folder; --dataset=folder:<path> names a tree of image files.")
    return root


def _refuse_empty_splits(root: Path, listing: Listing) -> None:
    """Rejects folders beside those of the splits that are named like other splits and hold no images."""
    parts = read_splits(listing.layout.splits) or ()
    for parent in dict.fromkeys((root / part.pattern).parent for part in parts if "*" not in part.pattern):
        there = {part.pattern.rpartition("/")[2] for part in parts}
        if parent == root.parent or HERE in there or not parent.is_dir():
            continue
        for entry in sorted(parent.iterdir()):
            named = is_visible(entry.name) and role_of(entry.name) in ("train", "validation", "test")
            if named and entry.name not in there and entry.is_dir() and next(walk_pictures(entry), None) is None:
                raise _no_images(entry)


def _no_images(folder: Path) -> DataError:
    return DataError(f"{named(folder)} has no image files; their names end in {', '.join(SUFFIXES)}.")
