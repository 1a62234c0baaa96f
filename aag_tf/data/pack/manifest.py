"""The manifest of a pack: what was packed and how, and its shards; checked when it is read.

It is written when packing begins (`source`, `settings`), and again when all is done (`splits` and more).
"""

import dataclasses
import functools
import typing
from pathlib import Path
from typing import Any

from aag_tf.config.reading import LARGEST_CHANNELS
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape, is_possible
from aag_tf.data.pack.files import MANIFEST_FILE, SPLITS
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import DataError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import JsonFormat
from aag_tf.utils.stores import FRESH_SECONDS, fetched

PACK = JsonFormat("aag_tf.pack", 1, "aag-pack", "give the aag-pack command again with --overwrite", DataError)
ORIGINAL, JPEG, RAW = FORMS = ("original", "jpeg", "raw")
AS_IT_IS = Reading()
MOST = 2**40  # more is no number of images, and no size of a file


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pictures were packed; a resumed run must not change it.

    Args:
        form: `original` (bytes of the source), `jpeg` (larger ones scaled down and encoded again) or `raw` (pixels).
        side: of `jpeg`, the length in pixels that the shorter side of larger pictures was scaled to.
        quality: of `jpeg`.
        image_size: of `raw`.
        shard_size: listed images of a shard; those that cannot be read are missing in it.
        reading: settings of reading, by the names of their flags.
    """

    form: str
    side: int | None
    quality: int
    image_size: str | None
    shard_size: int
    reading: dict[str, Any]

    def __post_init__(self) -> None:
        if self.form not in FORMS or not 1 <= self.shard_size <= MOST:
            raise ValueError("its 'settings' are none of aag-pack")


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of images.

    Args:
        images: number of images in it.
        bytes: its size.
        sha256: of its bytes, in hexadecimal.
        skipped: pictures that cannot be read and are not in it, each with the reason.
    """

    images: int
    bytes: int
    sha256: str
    skipped: dict[str, str]

    def __post_init__(self) -> None:
        if not (0 <= self.images <= MOST and 0 <= self.bytes <= MOST):
            raise ValueError("a number of images, or a size, is out of range")


@dataclasses.dataclass(frozen=True)
class PackedSplit:
    """The images of one split, in the order of the source.

    Args:
        shards: one after the other.
        labeled: whether every image has a label.
        table: facts of its table; `None` where an earlier version wrote it.
    """

    shards: list[Shard]
    labeled: bool
    table: FileFacts | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(shard.images for shard in self.shards)

    @property
    def skipped(self) -> dict[str, str]:
        """Pictures that cannot be read, each with the reason."""
        return {path: why for shard in self.shards for path, why in shard.skipped.items()}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content of `pack.json`.

    Args:
        source: the images: `dataset`, `digest`, which tells two versions of a data set apart, and more by kind.
        settings: how they were packed.
        versions: of the software.
        shape: of the images, (height, width, channels); 0 for what is not the same of all.
        class_names: the name of every label, where they are known.
        reading: how pictures were read that were not stored as they are; see `aag_tf.data.files.reading`.
        channels: numbers of channels that occur, ascending.
        deep: number of pictures that are stored with values of more than 8 bits.
        splits: by name; `None` until all are packed.
    """

    source: dict[str, Any]
    settings: Settings
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    shape: tuple[int, int, int] | None = None
    class_names: list[str] | None = None
    reading: Reading = AS_IT_IS
    channels: list[int] | None = None
    deep: int = 0
    splits: dict[str, PackedSplit] | None = None

    def __post_init__(self) -> None:
        for name in ("dataset", "digest"):
            if not isinstance(self.source.get(name), str):
                raise ValueError(f"its 'source' has no {name!r}")
        possible = self.shape is None or is_possible(typing.cast(Shape, tuple(size or 1 for size in self.shape)))
        if not possible or not all(1 <= number <= LARGEST_CHANNELS for number in self.channels or ()):
            raise ValueError("its 'shape', or one of its 'channels', is out of range")
        if self.splits is None:
            return
        if self.shape is None or not self.channels or not set(self.splits) <= set(SPLITS) or "train" not in self.splits:
            raise ValueError("its 'splits' are not complete")

    @property
    def is_complete(self) -> bool:
        """Whether every image is packed."""
        return self.splits is not None

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of all images; `None` if they differ."""
        assert self.shape is not None
        return self.shape[:2] if all(self.shape[:2]) else None

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `pack.json`, without what is not known yet."""
        return PACK.content(dataclasses.asdict(self))


def pack_directory(path: str) -> Path:
    """Returns the directory that `pack:<path>` names, or a copy of what lies on a store.

    Raises:
        DataError: there is none.
    """
    directory = fetched(path, fresh_seconds=FRESH_SECONDS)
    if not directory.is_dir():
        raise DataError(f"{path} is not a folder; pack:<path> names a directory that aag-pack wrote.")
    return directory


def read_manifest(directory: Path) -> Manifest:
    """Reads the manifest of a pack, finished or not.

    Raises:
        DataError: it is missing or damaged, or another program or a later version wrote it.
    """
    return PACK.read(directory / MANIFEST_FILE, functools.partial(read_fields, Manifest))


def read_complete(directory: Path) -> Manifest:
    """Reads the manifest of a finished pack.

    Raises:
        DataError: as for `read_manifest`, or it is not finished.
    """
    manifest = read_manifest(directory)
    if not manifest.is_complete:
        raise DataError(f"{directory} is not finished; give its aag-pack command again with --resume.")
    return manifest
