"""The images of an input: their names, and how their encoded bytes are opened."""

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from aag_tf.data.files.regular_file import open_regular
from aag_tf.data.files.stamps import Stamp
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.json_fields import converted, parse_json

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


def read_line(line: bytes, kind: Any, file: str | os.PathLike[str]) -> Any:
    """Returns the entries of a line of a list.

    Args:
        line: a JSON array.
        kind: type of its entries, a tuple.
        file: of the list, for messages.

    Raises:
        DataError: the line has other entries.
    """
    try:
        return converted(parse_json(line), kind, "line")
    except ValueError as error:
        raise DataError(f"{file} is damaged ({one_line(error, 200)}); embed again with --overwrite.") from error


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
