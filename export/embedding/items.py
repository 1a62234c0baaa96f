"""One image of an input: its name, and how its encoded bytes are opened."""

import os
import re
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from PIL import Image

from aag_tf.data.regular_file import open_regular
from aag_tf.utils.errors import AagError, DataError
from aag_tf.utils.text import shown


class Item(NamedTuple):
    """An image that may or may not be readable.

    Args:
        name: what the output calls it.
        open: gives its encoded bytes as a file; raises where there are none.
    """

    name: str
    open: Callable[[], BinaryIO]


class Stamp(NamedTuple):
    """What tells whether a file changed: bytes, and nanoseconds since 1970 of its last change."""

    size: int
    modified: int


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """The stamp of a file; `None` where it cannot be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # the second where a name holds a zero byte
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def open_listed(path: str, stamp: Stamp | None) -> BinaryIO:
    """Opens a file as it was when the input was listed.

    Raises:
        OSError: it cannot be opened.
        DataError: it is not the file that was listed, no regular file, or too large.
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


def reason(error: Exception) -> str:
    """Why an image could not be read: one line that is the same in every run, without the path."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "not a picture in a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = shown(" ".join(re.sub(r"<[^<>]* at 0x[0-9a-f]+>", "the file", str(error)).split()))
    if isinstance(error, AagError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
