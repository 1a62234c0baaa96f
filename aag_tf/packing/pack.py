"""Packs a data set, a shard at a time: complete shards stay, incomplete ones are written again."""

import dataclasses
import itertools
from pathlib import Path

from aag_tf.config import PackConfig
from aag_tf.data.files.skipped import counted_by_reason
from aag_tf.data.pack.manifest import Manifest
from aag_tf.packing.beginning import begin, plan
from aag_tf.packing.finishing import finish
from aag_tf.packing.forms import form_of
from aag_tf.packing.items import ItemSource
from aag_tf.packing.output import Output
from aag_tf.packing.shard_writer import ShardWriter
from aag_tf.packing.sources import open_items
from aag_tf.utils import environment
from aag_tf.utils.errors import PackError
from aag_tf.utils.image_progress import ImageProgress
from aag_tf.utils.log import logger
from aag_tf.utils.text import Lines, counted

NAMED = 5  # broken pictures that the report names


@dataclasses.dataclass(frozen=True)
class PackReport:
    """What was packed.

    Args:
        path: the directory.
        manifest: of the pack.
        new: pictures that this run read; fewer than there are where it resumed.
        seconds: that it took.
    """

    path: Path
    manifest: Manifest
    new: int
    seconds: float

    @property
    def skipped(self) -> dict[str, str]:
        """Pictures that cannot be read, each with the reason."""
        splits = self.manifest.splits or {}
        return {path: why for split in splits.values() for path, why in split.skipped.items()}

    def __str__(self) -> str:
        """What was packed, how large it is, what is missing, and how to train from it."""
        splits = self.manifest.splits or {}
        size = sum(shard.bytes for split in splits.values() for shard in split.shards)
        counts = ", ".join(f"{split.images:,} {name}" for name, split in splits.items())
        total = sum(split.images for split in splits.values())
        lines = [f"Packed {counted(total, 'image')} ({counts}) in {size / 2**20:,.1f} MiB; they are in {self.path}."]
        if self.new:
            lines.append(f"This run: {counted(self.new, 'picture')} in {self.seconds:,.0f} s.")
        if self.skipped:
            lines.append(f"Not packed: {counted_by_reason(self.skipped)}, for instance:")
            lines += [f"  {path}: {why}" for path, why in itertools.islice(self.skipped.items(), NAMED)]
        return str(Lines(*lines, f"Train on them with --dataset=pack:{self.path}"))


def pack(config: PackConfig) -> PackReport:
    """Packs every picture of a data set.

    The files are the same to the byte however often the work was stopped and resumed.

    Raises:
        PackError: the output may not be used, was begun with another data set or other settings, or cannot be written.
        DataError: there is no such data set, or none of the pictures of a split can be read.
    """
    environment.tell()
    output = Output(config.output)
    output.check(resume=config.resume, overwrite=config.overwrite)
    source = open_items(config)
    return pack_items(config, source, output)


def pack_items(config: PackConfig, source: ItemSource, output: Output) -> PackReport:
    """Packs the pictures of an opened source; `config` says how.

    Raises:
        PackError: as for `pack`.
        DataError: none of the pictures of a split can be read.
    """
    wanted = plan(config, source)
    with output.writing():
        # Again under the lock, since another process may have written to the output until now.
        output.check(resume=config.resume, overwrite=config.overwrite)
        if config.overwrite:
            output.clear()
        output.remove_leftovers()
        manifest = begin(output, wanted, source, config)
        with ImageProgress("packing", sum(source.splits.values())) as progress:
            if not manifest.is_complete:
                _write_shards(output, manifest, source, config, progress)
                manifest = finish(output, manifest, source)
            output.remove_parts()
            return PackReport(output.path, manifest, progress.new, progress.seconds)


def _write_shards(
    output: Output, begun: Manifest, source: ItemSource, config: PackConfig, progress: ImageProgress
) -> None:
    """Writes the shards that are missing."""
    size = begun.settings.shard_size
    with ShardWriter(form_of(begun), config.read_threads, verify=config.verify, report=progress.update) as writer:
        for split, listed in source.splits.items():
            ranges = [range(start, min(start + size, listed)) for start in range(0, listed, size)]
            missing = [
                number
                for number in range(len(ranges))
                if output.read_part(split, number, len(ranges), verify=config.verify) is None
            ]
            progress.skip(listed - sum(len(ranges[number]) for number in missing))
            for neighbors in _consecutive(missing):
                # One stream through neighboring shards, since a source may have to be read from its beginning.
                items = source.items(split, ranges[neighbors[0]].start, ranges[neighbors[-1]].stop)
                for number in neighbors:
                    path = output.shard(split, number, len(ranges))
                    shard, rows = writer.write(path, itertools.islice(items, len(ranges[number])))
                    if shard.images + len(shard.skipped) != len(ranges[number]):
                        path.unlink()
                        raise PackError(
                            f"{begun.source['dataset']} ended before the pictures that were counted; it was changed "
                            "meanwhile: restore it and add --resume."
                        )
                    output.write_part(split, number, shard, rows)
        for note, count in writer.notes.items():
            logger.warning("%s has %s %s.", begun.source["dataset"], counted(count, "file"), note)


def _consecutive(numbers: list[int]) -> list[list[int]]:
    """Splits ascending numbers where one is left out."""
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    return [[number for _, number in group] for _, group in groups]
