"""`folder:<path>`: a tree of image files.

Which of its folders are splits and classes is decided by their names (`aag_tf.data.layouts.folder_layout`), or by
`--splits` and `--labels`. Hidden files and folders, `__MACOSX` and files without an image suffix are ignored.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from aag_tf.config import DataConfig
from aag_tf.config.data import suggested_name
from aag_tf.config.layout import HERE, read_labels, read_splits
from aag_tf.data.files.pictures import SUFFIXES
from aag_tf.data.layouts.early_layout import early_parts
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.listing import Found, Listing, arrange
from aag_tf.data.layouts.split_names import role_of
from aag_tf.data.layouts.tables import with_labels
from aag_tf.data.layouts.walking import is_visible, walk_pictures
from aag_tf.utils.errors import DataError
from aag_tf.utils.stores import FRESH_SECONDS, fetched, named
from aag_tf.utils.text import command_line


def list_folder(path: str, config: DataConfig) -> Listing:
    """Lists a tree of image files, sorted by path, so that all machines number them alike; opens none.

    Raises:
        DataError: the folder is missing, has no image files, links lead out of it to more than a few files, or its
            layout is unclear.
    """
    root = folder_path(path)
    links = Links(config.layout.follow_symlinks)
    files: Sequence[Found] = FolderFiles(root, list(walk_pictures(root, links)))
    if not files:
        raise _no_images(root, links)
    name, table = f"folder:{path}", read_labels(config.layout.labels)
    if table is not None:
        files = with_labels(name, files, table, config.layout.columns)
    folders = [entry.name for entry in root.iterdir() if entry.is_dir() and is_visible(entry.name)]
    listing = arrange(name, files, config.layout, labeled=table is not None, early=early_parts(folders))
    _refuse_empty_splits(root, listing, links)
    return listing


class FolderFiles(Sequence[Found]):
    """Files below a folder, of which only the paths below it are held: there may be millions.

    Args:
        root: the folder.
        below: the paths.
    """

    def __init__(self, root: Path, below: list[str]) -> None:
        self._start = os.path.join(root, "")
        self._below = below

    @override
    def __len__(self) -> int:
        return len(self._below)

    @override
    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(len(self))[row]]
        return Found(self._start + self._below[row], self._below[row])


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


def _refuse_empty_splits(root: Path, listing: Listing, links: Links) -> None:
    """Rejects folders beside those of the splits that are named like other splits and hold no images."""
    parts = read_splits(listing.layout.splits) or ()
    for parent in dict.fromkeys((root / part.pattern).parent for part in parts if "*" not in part.pattern):
        there = {part.pattern.rpartition("/")[2] for part in parts}
        if parent == root.parent or HERE in there or not parent.is_dir():
            continue
        for entry in sorted(parent.iterdir()):
            named = is_visible(entry.name) and role_of(entry.name) in ("train", "validation", "test")
            if not named or entry.name in there or not entry.is_dir() or entry.is_symlink():
                continue
            own = Links(links.follow)
            if next(walk_pictures(entry, own), None) is None:
                raise _no_images(entry, own)


def _no_images(folder: Path, links: Links) -> DataError:
    if links.left_out and not links.follow:
        return DataError(
            f"{named(folder)} has no image files of its own, and {links} leading out of it; --follow_symlinks reads "
            "what they lead to."
        )
    return DataError(f"{named(folder)} has no image files; their names end in {', '.join(SUFFIXES)}.")
