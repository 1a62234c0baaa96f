"""The images of an input: their names, and how their encoded bytes are opened."""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, Protocol

from aag_tf.data.regular_file import open_regular
from aag_tf.utils.errors import DataError

GONE = "the file is gone from the input"  # the error of an image that an update no longer found


class Item(NamedTuple):
    """One image, readable or not.

    Args:
        name: its `path` in the output.
        open: opens its encoded bytes as a file; raises if they cannot be read.
        page: of the file, from 0 on.
    """

    name: str
    open: Callable[[], BinaryIO]
    page: int = 0


class Input(Protocol):
    """Images in a fixed order."""

    def __len__(self) -> int:
        """Number of images, readable or not."""
        ...

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Images `start` to `stop - 1`, one after the other."""
        ...


class Stamp(NamedTuple):
    """State of a file, to detect changes: bytes, and time of the last change in nanoseconds since 1970."""

    size: int
    modified: int


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """Returns the stamp of a file; `None` if its status cannot be read."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # the second for a name with a zero byte
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def open_listed(path: str, stamp: Stamp | None) -> BinaryIO:
    """Opens a file that has not changed since the input was listed.

    Raises:
        OSError: it cannot be opened.
        DataError: it has changed, is no regular file, or is too large.
    """
    file = open_regular(path)
    try:
        status = os.fstat(file.fileno())
        if stamp is None:
            raise DataError("the file was missing when the input was listed, and came later")
        if stamp != (status.st_size, status.st_mtime_ns):
            raise DataError("the file changed after the input was listed")
    except BaseException:
        file.close()
        raise
    return file
