"""Symbolic links in a tree of files: which of them are followed, and what is said of the others.

A data set may come from anybody, and a link in it may lead to any file of this machine, or to all of them. Those that
stay in the tree are followed; others only if the user says so. Even then a walk is bounded: it enters no file system
of the kernel, no folder around the tree, and no other tree from within one that a link led to. A few files that are
left out are named in a line; where whole folders or many files would be, the user may be asked first.
"""

import dataclasses
import os

from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named
from aag_tf.utils.text import counted, shown

KERNEL = ("/proc", "/sys")  # whose folders are endless, or lead anywhere
NAMED = 3  # links or folders that a message names
FEW = 0.1  # of the image files of a tree; more are not left out without being asked for


@dataclasses.dataclass
class Links:
    """The links of one tree.

    Args:
        follow: whether those that lead out of the tree are followed; `None` if that has to be asked where not only a
            few files would be left out.
        left_out: how many are not.
        files: how many of these lead to files.
        examples: the first of these, as `path -> target`.
        folders: folders of which nothing is read, though `--follow_symlinks` would.
        advice: what reads them all the same.
    """

    follow: bool | None = False
    left_out: int = 0
    files: int = 0
    examples: list[str] = dataclasses.field(default_factory=list)
    folders: list[str] = dataclasses.field(default_factory=list)
    advice: str = "--follow_symlinks reads what they lead to"

    def leave_out(self, path: str, target: str, *, is_folder: bool = False, can_follow: bool = True) -> None:
        """Notes a link that is not followed, and whether `--follow_symlinks` would."""
        link = f"{shown(path)} -> {shown(target)}"
        self.left_out += 1
        self.files += not is_folder
        if len(self.examples) < NAMED:
            self.examples.append(link)
        if is_folder and can_follow:
            self.folders.append(link)

    def __str__(self) -> str:
        """What was left out, with the first of it."""
        more = f", and {self.left_out - NAMED:,} more" if self.left_out > NAMED else ""
        return f"{counted(self.left_out, 'link')} ({', '.join(self.examples)}{more})"

    def report(self, root: str, found: int) -> None:
        """Says in one line what was left out of a tree, if anything.

        Args:
            root: the tree.
            found: number of files that were found in it.

        Raises:
            DataError: that is more than a few files, and nobody has decided it.
        """
        if not self.left_out:
            return
        if self.follow is None and found:
            self._ask(root, found)
        why = "to folders around it, of the system, or behind another link" if self.follow else "leading out of it"
        advice = "" if self.follow else f"; {self.advice}"
        logger.warning("%s: left out %s %s%s.", named(root), self, why, advice)

    def _ask(self, root: str, found: int) -> None:
        choices = "--follow_symlinks reads what they lead to, --nofollow_symlinks leaves it out"
        if self.folders:
            more = f", and {len(self.folders) - NAMED:,} more" if len(self.folders) > NAMED else ""
            missing = f"{counted(len(self.folders), 'folder')} ({', '.join(self.folders[:NAMED])}{more})"
            raise DataError(f"{named(root)}: {missing} would be missing, since links lead out of it; {choices}.")
        total = found + self.files
        if self.files > FEW * total:
            raise DataError(
                f"{named(root)}: {self.files:,} of {total:,} images would be missing, since they are links leading "
                f"out of it ({self.examples[0]}); {choices}."
            )


def is_within(path: str, tree: str) -> bool:
    """Whether a path is a folder or lies below it; both without links."""
    return path == tree or path.startswith(os.path.join(tree, ""))


def is_of_kernel(path: str) -> bool:
    """Whether a path lies in a file system that the kernel makes up."""
    devices = {os.stat(each).st_dev for each in KERNEL if os.path.ismount(each)}
    return os.stat(path).st_dev in devices
