"""Writes the Parquet files of an output that are missing or damaged: complete files stay."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from aag_tf.data.files.reading import Reading
from aag_tf.data.images.base import Shape
from aag_tf.export.embedding import shards
from aag_tf.export.embedding.integrity import intact_shards
from aag_tf.export.embedding.items import Input
from aag_tf.export.embedding.output_directory import AnyManifest, OutputDirectory
from aag_tf.export.embedding.reading import Batch, read_batches
from aag_tf.export.embedding.shards import ShardFacts
from aag_tf.utils.image_progress import ImageProgress


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardWork:
    """How the images of an output become Parquet files.

    Args:
        name: what the progress bar says.
        shard_size: images of a file.
        batch_size: images that the model takes at once.
        threads: that read images, one for each CPU core when `None`.
        shape: (height, width, channels) of the model's images.
        reading: how images are read.
        write: writes one file, given its path, its batches and perhaps later ones, the numbers of its rows, and what
            counts them.
    """

    name: str
    shard_size: int
    batch_size: int
    threads: int | None
    shape: Shape
    reading: Reading
    write: Callable[[Path, Iterator[Batch], range, ImageProgress], ShardFacts]


def write_missing_shards(
    output: OutputDirectory[AnyManifest], manifest: AnyManifest, images: Input, work: ShardWork
) -> tuple[AnyManifest, int, float]:
    """Writes missing and damaged Parquet files; returns the manifest, the number of images read, and the seconds."""
    ranges = shards.split_rows(len(images), work.shard_size)
    with output.converting_os_errors():
        intact = intact_shards(output, manifest, ranges)
    missing = [number for number in range(len(ranges)) if number not in intact]
    new = sum(len(ranges[number]) for number in missing)
    if missing:
        files = {output.name_of(output.shard(number, len(ranges))): facts for number, facts in intact.items()}
        # It is complete no longer, nor are the files that were made of all rows.
        manifest = manifest.noting(files).reopened()
        with output.converting_os_errors():
            output.write_manifest(manifest)
    with ImageProgress(work.name, len(images), done=len(images) - new) as progress:
        for neighbors in _consecutive(missing):
            # One stream through neighboring files: the input is opened once, and the model never waits.
            parts = [ranges[number] for number in neighbors]
            sizes = (len(batch) for rows in parts for batch in shards.split_rows(len(rows), work.batch_size))
            items = images.items(parts[0].start, parts[-1].stop)
            batches = read_batches(items, work.shape, sizes, work.threads, reading=work.reading)
            for number in neighbors:
                path = output.shard(number, len(ranges))
                facts = work.write(path, batches, ranges[number], progress)
                manifest = manifest.noting({output.name_of(path): facts})
                with output.converting_os_errors():
                    output.write_manifest(manifest)
        return manifest, new, progress.seconds


def _consecutive(numbers: list[int]) -> list[list[int]]:
    """Splits ascending numbers where one is left out."""
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    return [[number for _, number in group] for _, group in groups]
