"""`pack:DIRECTORY`: the images that `aag-pack` wrote, one split after the other."""

import functools
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from typing_extensions import override

from aag_tf.config import InputConfig
from aag_tf.data.files.shapes import Shape
from aag_tf.data.pack.manifest import RAW, Manifest, pack_directory, read_complete
from aag_tf.data.pack.records import read_image, read_path
from aag_tf.data.pack.shards import ShardedRecords
from aag_tf.export.embedding.items import Input, Item
from aag_tf.utils.errors import DataError

LISTED = {"rows": int, "digest": str}
READ_AT_ONCE = 64


def source_of(rest: str, config: InputConfig) -> dict[str, Any]:
    """Describes a pack.

    Raises:
        DataError: there is no finished pack.
    """
    directory = pack_directory(rest).absolute()
    read_complete(directory)
    return {"source": str(directory)}


def holds_images(source: dict[str, Any]) -> bool:
    """Whether there is an image."""
    return list_input(source, Path())["rows"] > 0


def list_input(source: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Counts the images, from the manifest of the pack."""
    splits = read_complete(Path(source["source"])).splits or {}
    digests = json.dumps([[shard.sha256 for shard in split.shards] for split in splits.values()])
    rows = sum(split.images for split in splits.values())
    return {"rows": rows, "digest": hashlib.sha256(digests.encode()).hexdigest()}


def open_input(listing: dict[str, Any], directory: Path) -> "Pack":
    """Opens the pack that was listed.

    Raises:
        DataError: it is gone, is another one, or a file of it is missing.
    """
    pack = Path(listing["source"])
    if list_input(listing, directory)["digest"] != listing["digest"]:
        raise DataError(f"{pack} is another pack than was listed; restore it, or embed again with --overwrite.")
    return Pack(pack, read_complete(pack))


class Pack(Input):
    """The images of a pack, named as in its source.

    Args:
        directory: of the pack.
        manifest: of the pack.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        splits = manifest.splits or {}
        self._records = [ShardedRecords(directory, name, split) for name, split in splits.items() if split.images]
        self._pixels = manifest.shape if manifest.settings.form == RAW else None

    @override
    def __len__(self) -> int:
        return sum(map(len, self._records))

    @override
    def items(self, start: int, stop: int) -> Iterator[Item]:
        before = 0
        for records in self._records:
            first, last = max(start - before, 0), min(stop - before, len(records))
            for begin in range(first, last, READ_AT_ONCE):
                for record in records.read(range(begin, min(begin + READ_AT_ONCE, last))):
                    yield Item(read_path(record), functools.partial(_open, record, self._pixels))
            before += len(records)


def _open(record: bytes, shape: Shape | None) -> BinaryIO:
    """Opens the picture of a record; pixels as the file of an array of one page."""
    image = read_image(record)
    if shape is None:
        return io.BytesIO(image)
    file = io.BytesIO()
    np.save(file, np.frombuffer(image, np.uint8).reshape(1, *shape))
    file.seek(0)
    return file
