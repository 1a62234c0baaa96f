"""Image files inside uncompressed tar archives, opened at their place, without unpacking."""

import io
import os
from typing import BinaryIO

from aag_tf.utils.errors import DataError


class TarMember(str):
    """The path of an image inside an archive, `shard.tar/000.png`, which also says where its bytes are.

    Args:
        archive: path of the archive.
        name: of the image in it.
        offset: of its first byte in the archive.
        size: in bytes.
    """

    __slots__ = ("archive", "offset", "size")

    archive: str
    offset: int
    size: int

    def __new__(cls, archive: str, name: str, offset: int, size: int) -> "TarMember":
        """Makes the path."""
        member = super().__new__(cls, f"{archive}/{name}")
        member.archive, member.offset, member.size = archive, offset, size
        return member

    def open(self) -> BinaryIO:
        """Opens its bytes as a file in memory.

        Raises:
            OSError: the archive cannot be read.
            DataError: the archive has become shorter.
        """
        descriptor = os.open(self.archive, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            content = os.pread(descriptor, self.size, self.offset)
        finally:
            os.close(descriptor)
        if len(content) < self.size:
            raise DataError("the archive ends within it")
        return io.BytesIO(content)
