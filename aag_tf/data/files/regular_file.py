"""Opens files from unknown sources safely: never waits for a pipe, and refuses files too large for one picture."""

import os
import stat
from typing import BinaryIO

from aag_tf.data.files.tar_members import TarMember
from aag_tf.utils.errors import DataError

# Pillow and its codecs may hold a whole file in memory, and no picture of a sensible size needs this much.
MAX_BYTES = 2**29


def open_regular(path: str | bytes | os.PathLike[str]) -> BinaryIO:
    """Opens the file of one picture for reading bytes; it may lie in an archive.

    Raises:
        OSError: the file cannot be opened.
        DataError: it is not a regular file, or is too large.
    """
    if isinstance(path, TarMember):
        require_bytes(path.size)
        return path.open()
    # Non-blocking, because opening a named pipe would wait forever for a writer.
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
    """Checks the encoded size of one picture, in bytes.

    Raises:
        DataError: it is above `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise DataError(f"{size} bytes are more than the {MAX_BYTES} that are read of one picture")
