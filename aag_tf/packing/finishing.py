"""Makes tables and manifest of the parts, when all shards are written."""

import dataclasses
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from aag_tf.data.files.shapes import Shape
from aag_tf.data.pack.manifest import Manifest, PackedSplit, Shard
from aag_tf.packing.items import ItemSource
from aag_tf.packing.output import Output
from aag_tf.packing.tfds_metadata import write_tfds_metadata
from aag_tf.utils.errors import DataError, PackError
from aag_tf.utils.log import logger
from aag_tf.utils.text import shown


def finish(output: Output, begun: Manifest, source: ItemSource) -> Manifest:
    """Writes tables and manifest.

    Raises:
        DataError: none of the pictures of a split can be read.
        PackError: a part is missing.
    """
    splits: dict[str, PackedSplit] = {}
    seen = _Seen()
    for split, listed in source.splits.items():
        count = -(-listed // begun.settings.shard_size)
        shards: list[Shard] = []
        before = seen.unlabeled
        table = output.write_table(split, _parts(output, split, count, shards, seen))
        unlabeled = seen.unlabeled - before
        splits[split] = packed = PackedSplit(shards, labeled=unlabeled == 0, table=table)
        if not packed.images:
            path, why = next(iter(packed.skipped.items()))
            if listed == sum(source.splits.values()):
                output.clear()  # so that the next run needs no --overwrite
            raise DataError(
                f"none of the {listed:,} pictures in the {split} part of {begun.source['dataset']} can be read; for "
                f"example {shown(path)}: {why}."
            )
        if 0 < unlabeled < packed.images:
            logger.warning("%s images are packed without labels: %d of %d have none.", split, unlabeled, packed.images)
    manifest = dataclasses.replace(
        begun, shape=begun.shape or seen.shape, channels=sorted(seen.channels), deep=seen.deep, splits=splits
    )
    write_tfds_metadata(output.path, manifest)
    output.write_manifest(manifest)
    return manifest


class _Seen:
    """What rows have in common."""

    def __init__(self) -> None:
        self.unlabeled = self.deep = 0
        self.channels: set[int] = set()
        self._sizes: set[tuple[int, int]] = set()

    def add(self, rows: pa.Table) -> None:
        self.unlabeled += rows.column("label").null_count
        self.deep += pc.sum(rows.column("deep"), min_count=0).as_py()
        self.channels |= set(rows.column("channels").unique().to_pylist())
        if len(self._sizes) < 2:
            found = rows.group_by(["height", "width"]).aggregate([])
            self._sizes |= set(zip(found["height"].to_pylist(), found["width"].to_pylist(), strict=True))

    @property
    def shape(self) -> Shape:
        height, width = next(iter(self._sizes)) if len(self._sizes) == 1 else (0, 0)
        return height, width, next(iter(self.channels)) if len(self.channels) == 1 else 0


def _parts(output: Output, split: str, count: int, shards: list[Shard], seen: _Seen) -> Iterator[pa.Table]:
    """Yields the rows of each shard, and notes its facts."""
    for number in range(count):
        part = output.read_part(split, number, count, verify=False)
        if part is None:
            raise PackError(f"a file of {output.path} was removed meanwhile; give the command again with --resume.")
        shards.append(part[0])
        seen.add(part[1])
        yield part[1]
