"""Walks a tree of files in the order of its paths without holding the whole list in memory."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from aag_tf.data.files import pictures
from aag_tf.data.layouts.links import Links, is_of_kernel, is_within
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named
from aag_tf.utils.text import shown

MOST_NAMED = 5  # suffixes of ignored files that the warning counts


class _Folder(NamedTuple):
    """A folder of the walk.

    Args:
        below: its path below the root.
        tree: real path of the tree that its links may lead to: the root, or what a link led to.
    """

    below: str
    tree: str


def walk_pictures(root: str | os.PathLike[str], links: Links | None = None) -> Iterator[str]:
    """Yields the image files below a folder as relative paths, sorted by their parts, alike on all machines.

    The folder itself may be a link. Links in it are followed as `aag_tf.data.layouts.links` has it, and no folder is
    entered twice, because a link may lead back up. Hidden files and folders, `__MACOSX` and files without an image
    suffix are ignored, the last with a warning that counts them by suffix; a folder that cannot be listed is named in a
    warning, and so are links that are left out. Only the names in the current folder and its parents are held in
    memory.

    Args:
        root: the folder.
        links: whether those that lead out are followed; notes those that are not.

    Raises:
        DataError: at the end; whether to follow links has to be asked.
    """
    walk = _Walk(os.fspath(root), links, ("", *pictures.SUFFIXES), pictures.is_picture)
    yield from walk.files()
    walk.say_ignored()
    walk.links.report(os.fspath(root), walk.found)


def walk_files(root: str | os.PathLike[str], suffixes: tuple[str, ...], links: Links | None = None) -> Iterator[str]:
    """Yields the files with some suffixes below a folder, as `walk_pictures` does image files."""
    walk = _Walk(os.fspath(root), links, suffixes, lambda name, _: name.endswith(suffixes))
    yield from walk.files()
    walk.links.report(os.fspath(root), walk.found)


def is_visible(folder_name: str) -> bool:
    """Whether a folder of this name is searched for images."""
    return not folder_name.startswith(".") and folder_name != "__MACOSX"


class _Walk:
    """A walk through one tree.

    Args:
        root: the folder.
        links: as for `walk_pictures`.
        suffixes: of the files that may be wanted.
        is_wanted: whether a file is wanted, by its name and its folder.
    """

    def __init__(
        self, root: str, links: Links | None, suffixes: tuple[str, ...], is_wanted: Callable[[str, str], bool]
    ) -> None:
        self.links = links or Links()
        self._root, self._suffixes, self._is_wanted = root, suffixes, is_wanted
        self._tree = os.path.realpath(root)
        self._entered: set[tuple[int, int]] = set()
        self._others: Counter[str] = Counter()
        self.found = 0  # files so far

    def files(self) -> Iterator[str]:
        """Yields the paths."""
        open_folders = [iter(self._content(_Folder("", self._tree)))]
        while open_folders:
            found = next(open_folders[-1], None)
            if found is None:
                open_folders.pop()
            elif isinstance(found, _Folder):
                open_folders.append(iter(self._content(found)))
            else:
                self.found += 1
                yield found

    def say_ignored(self) -> None:
        """Says which files are not wanted by their suffix."""
        if self._others:
            counts = ", ".join(
                f"{count:,} {suffix or 'without suffix'}" for suffix, count in self._others.most_common(MOST_NAMED)
            )
            logger.warning("ignored files in %s whose names have no image suffix: %s.", named(self._root), counts)

    def _content(self, folder: _Folder) -> list[str | _Folder]:
        """Lists wanted files and folders directly in a folder, sorted; others that are not hidden are counted."""
        place = os.path.join(self._root, folder.below)
        try:
            status = os.stat(place)
            if (status.st_dev, status.st_ino) in self._entered:
                return []
            self._entered.add((status.st_dev, status.st_ino))
            with os.scandir(place) as entries:
                content = sorted((entry.name, entry.is_symlink(), _is_folder(entry)) for entry in entries)
        except OSError as error:
            logger.warning("skipped the folder %s, which cannot be listed: %s", named(Path(place)), error.strerror)
            return []
        found: list[str | _Folder] = []
        num_links = 0  # with an image suffix, that are left out
        start = os.path.join(folder.below, "")
        for name, is_link, is_folder in content:
            if name.startswith(".") or (is_folder and not is_visible(name)):
                continue
            path, tree = start + name, folder.tree
            suffix = os.path.splitext(name)[1].lower()
            if is_link and (is_folder or suffix in self._suffixes):
                reached = self._behind(path, folder.tree, is_folder=is_folder)
                if reached is None:
                    num_links += bool(suffix) and not is_folder
                    continue
                tree = reached
            if is_folder:
                found.append(_Folder(path, tree))
            elif self._is_wanted(name, place):
                found.append(path)
            else:
                self._others[suffix] += 1
        if num_links and not found and folder.below:
            self.links.folders.append(shown(folder.below))
        return found

    def _behind(self, path: str, tree: str, *, is_folder: bool) -> str | None:
        """Returns the tree that a link leads to; `None` if it is left out."""
        target = os.path.realpath(os.path.join(self._root, path))
        for known in (tree, self._tree):
            if is_within(target, known) or not os.path.exists(target):  # what is missing is said when it is opened
                return known
        can_follow = True
        if is_folder:
            can_follow = tree == self._tree and not is_within(self._tree, target) and not is_of_kernel(target)
        if not (self.links.follow and can_follow):
            self.links.leave_out(path, target, is_folder=is_folder, can_follow=can_follow)
            return None
        return target


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; anything that is not a folder is tried as a picture
        return False
