"""Preview files that may be anything: no waiting for a pipe, and no more bytes than one picture can have."""

import os
import stat
from typing import BinaryIO

from aag_tf.utils.errors import DataError

# Pillow and its codecs hold a file in memory where they must: no picture of a sensible size needs as much.
MAX_BYTES = 2**29


def open_regular(path: str | bytes | os.PathLike[str]) -> BinaryIO:
    """Opens a file to read bytes of one picture.

    Raises:
        OSError: it cannot be opened.
        DataError: it is no regular file, or too large.
    """
    # Not blocking, because opening a named pipe would wait for a writer for ever.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DataError("not a regular file")
        require_bytes(status.st_size)
    except BaseException:
        file.close()
        raise
    return file


def require_bytes(size: int) -> None:
    """Refuses encoded bytes that are too many to be one picture.

    Raises:
        DataError: they are.
    """
    if size > MAX_BYTES:
        raise DataError(f"{size} bytes are more than the {MAX_BYTES} that are read of one picture")
