"""`tar:`: images in uncompressed tar archives, read in place.

The name of an image is `ARCHIVE/NAME`, with the path of the archive as it was named. The list in the output's directory
has a line `[archive, name, offset, size]` in JSON for each.
"""

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typing_extensions import override

from aag_tf.config import InputConfig
from aag_tf.data.files.regular_file import open_regular
from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.files.tar_members import TarMember
from aag_tf.data.sources.tar import archive_paths, read_shard
from aag_tf.export.embedding.file_lists import intact_list
from aag_tf.export.embedding.items import Input, Item, read_line
from aag_tf.export.embedding.output_directory import LIST_FILE
from aag_tf.utils.errors import DataError
from aag_tf.utils.progress import progress_bar

LISTED = {"archives": list[str], "stamps": list[tuple[int, int]], "rows": int, "digest": str}
Line = tuple[str, str, int, int]


def source_of(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes the archives that a name or pattern means.

    Raises:
        DataError: there is none.
    """
    return {"source": rest, "archives": [str(path.absolute()) for path in archive_paths(rest)]}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether any of the archives has an image.

    Raises:
        DataError: one cannot be read.
    """
    return any(read_shard(Path(archive)).images for archive in source["archives"])


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Writes the list of the images into the output's directory.

    Raises:
        DataError: an archive cannot be read.
        OSError: the list cannot be written.
    """
    digest = hashlib.sha256()
    rows, stamps = 0, []
    with (directory / LIST_FILE).open("wb") as file, progress_bar("listing images", None, "img") as bar:
        for archive in source["archives"]:
            stamps.append(stamp_of(archive))
            shard = read_shard(Path(archive))
            for member, name in zip(shard.images, shard.names, strict=True):
                line = json.dumps([archive, name, member.offset, member.size]).encode() + b"\n"
                file.write(line)
                digest.update(line)
                rows += 1
            bar.update(len(shard.names))
        file.flush()
        os.fsync(file.fileno())
    return {"rows": rows, "stamps": stamps, "digest": digest.hexdigest()}


def open_input(listing: dict[str, Any], directory: Path) -> "Archives":
    """Opens the archives that were listed.

    Raises:
        DataError: an archive or the list is gone or has changed.
    """
    for archive, stamp in zip(listing["archives"], listing["stamps"], strict=True):
        now = stamp_of(archive)
        if now is None or list(now) != list(stamp):
            raise DataError(
                f"{archive} was changed or removed after its images were listed; put it back, or embed again with "
                "--overwrite."
            )
    return Archives(intact_list(listing, directory), listing["rows"])


class Archives(Input):
    """Listed images of archives.

    Args:
        path: of the list.
        rows: number of its lines.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self._rows = path, rows

    @override
    def __len__(self) -> int:
        return self._rows

    @override
    def items(self, start: int, stop: int) -> Iterator[Item]:
        with self._path.open("rb") as file:
            for line in itertools.islice(file, start, stop):
                member = TarMember(*read_line(line, Line, self._path))
                yield Item(str(member), functools.partial(open_regular, member))
