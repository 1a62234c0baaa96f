"""The state of the files that pictures lie in, to tell whether they have changed."""

import multiprocessing.pool
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.data.files.tar_members import TarMember
from aag_tf.utils.progress import progress_bar

AT_ONCE = 1_000  # files


class Stamp(NamedTuple):
    """Bytes of a picture, and the time of its file's last change in nanoseconds since 1970."""

    size: int
    modified: int


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """Returns the stamp of a file, or of an image inside an archive; `None` if its status cannot be read."""
    try:
        status = os.stat(path.archive if isinstance(path, TarMember) else path)
    except (OSError, ValueError):  # the second for a name with a zero byte
        return None
    return Stamp(path.size if isinstance(path, TarMember) else status.st_size, status.st_mtime_ns)


def stamps_of(paths: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the stamps of many files, int64 [n, 2]; -1 where there is none."""
    stamps = np.full((len(paths), 2), -1, np.int64)

    def look(start: int) -> int:
        part = paths[start : start + AT_ONCE]
        stamps[start : start + len(part)] = [stamp_of(path) or (-1, -1) for path in part]
        return len(part)

    with multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        with progress_bar("looking at images", len(paths), "file") as bar:
            for done in pool.imap(look, range(0, len(paths), AT_ONCE)):
                bar.update(done)
        pool.close()
        pool.join()
    return stamps
