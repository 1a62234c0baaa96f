"""Which machine trains on which files of a pack, where each has only some of them on its disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from aag_tf.data.pack.files import shard_path
from aag_tf.data.pack.manifest import Manifest
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import counted

NAMED = 3  # files that a message names


class ShardList(NamedTuple):
    """All files of images of a pack, split by split.

    Args:
        paths: of the files.
        images: of each.
        train: whether each is of the train split.
        digest: of the contents of all, in hexadecimal.
    """

    paths: list[Path]
    images: list[int]
    train: list[bool]
    digest: str

    @classmethod
    def of(cls, directory: Path, manifest: Manifest) -> Self:
        """Returns the files that a manifest lists."""
        paths, images, train, digest = [], [], [], hashlib.sha256()
        for name, split in (manifest.splits or {}).items():
            for number, shard in enumerate(split.shards):
                paths.append(shard_path(directory, name, number, len(split.shards)))
                images.append(shard.images)
                train.append(name == "train")
                digest.update(f"{name} {shard.sha256}\n".encode())
        return cls(paths, images, train, digest.hexdigest())

    def present(self) -> npt.NDArray[np.int64]:
        """Whether each file is here, int64 [shards]."""
        return np.array([path.is_file() for path in self.paths], np.int64)


def deal(shards: ShardList, present: npt.NDArray[np.int64]) -> list[list[int]]:
    """Deals the files of the train split: each to a machine that has it, and of several to the one with fewest images.

    Args:
        shards: all files.
        present: whether each machine has each file, [machines, shards].

    Returns:
        The numbers of the files of each machine, ascending; the same on all machines.

    Raises:
        DataError: no machine has one of the files.
    """
    train = [number for number in range(len(shards.paths)) if shards.train[number]]
    missing = [shards.paths[number].name for number in train if not present[:, number].any()]
    if missing:
        more = ", ..." if len(missing) > NAMED else ""
        raise DataError(
            f"{counted(len(missing), 'file')} of the pack, {', '.join(missing[:NAMED])}{more}, "
            f"{'is' if len(missing) == 1 else 'are'} on no machine; copy each file of the train split to one of the "
            f"machines, into {shards.paths[0].parent}, or leave out --local_shards."
        )
    dealt: list[list[int]] = [[] for _ in present]
    images = [0] * len(present)
    for number in sorted(train, key=lambda number: (present[:, number].sum(), number)):
        owner = min(np.flatnonzero(present[:, number]).tolist(), key=lambda machine: (images[machine], machine))
        dealt[owner].append(number)
        images[owner] += shards.images[number]
    return [sorted(numbers) for numbers in dealt]


def part_of(source: Source, dealt: Sequence[int], present: npt.NDArray[np.int64]) -> Source:
    """Returns the part of a pack's images that one machine has: of the train split those that it was dealt.

    Raises:
        DataError: it has none to train on.
    """
    train = _in(source.train, dealt)
    if train is None:
        raise DataError(
            f"no file of the train split of {source.name} was dealt to this machine; copy some to it that no other has."
        )
    here = np.flatnonzero(present).tolist()
    validation, test = (None if split is None else _in(split, here) for split in (source.validation, source.test))
    return Source(
        source.name,
        train,
        validation,
        test,
        source.class_names,
        skipped=source.skipped,
        reading=source.reading,
        origins=source.origins,
    )


def train_counts(source: Source, dealt: Sequence[Sequence[int]]) -> list[int]:
    """Returns how many images each machine trains on."""
    return [int(_inside(source.train, numbers).sum()) for numbers in dealt]


def _in(split: Split, shards: Sequence[int]) -> Split | None:
    """Returns the images of a split that are in some files."""
    rows = np.flatnonzero(_inside(split, shards))
    return split.select(rows) if len(rows) else None


def _inside(split: Split, shards: Sequence[int]) -> npt.NDArray[np.bool_]:
    own = split.images.shards
    assert own is not None
    return np.isin(own, shards)
