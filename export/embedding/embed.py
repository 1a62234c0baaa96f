"""Images to embeddings, a Parquet file at a time: what is complete stays, what is not is done again."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config import EmbedConfig
from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding import shards
from aag_tf.export.embedding.collection import Collection, write_numpy
from aag_tf.export.embedding.inputs import Input, list_input, open_input, require_images, source_of
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.plan import make_plan, require_same
from aag_tf.export.embedding.progress import Progress
from aag_tf.export.embedding.reading import Batch, read_batches
from aag_tf.export.embedding.shards import Rows
from aag_tf.runs import exported
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.errors import AagError, EmbeddingError
from aag_tf.utils.paths import user_path
from aag_tf.utils.text import shown

NAMED_IMAGES = 3


@dataclasses.dataclass(frozen=True)
class EmbedReport:
    """What was embedded.

    Args:
        path: the output directory.
        images: how many the input has.
        embedded: how many have an embedding.
        new: how many of the images this run read; fewer than `images` where it resumed.
        seconds: that this run took, after the input was listed and the encoder loaded.
        broken: some images that have none, as (path, error).
    """

    path: Path
    images: int
    embedded: int
    new: int
    seconds: float
    broken: list[tuple[str, str]]

    def __str__(self) -> str:
        """What was written, how fast, and what is missing."""
        lines = [f"Embedded {self.embedded:,} of {self.images:,} images; the rows are in {self.path}."]
        if self.new:
            rate = self.new / self.seconds
            lines.append(f"This run: {self.new:,} images in {self.seconds:,.0f} s, {rate:,.0f} images/s.")
        if self.broken:
            lines.append(f"{self.images - self.embedded:,} could not be read; column `error` says why, for instance:")
            lines += [f"  {shown(path)}: {error}" for path, error in self.broken]
        return "\n".join(lines)


def embed(config: EmbedConfig) -> EmbedReport:
    """Embeds every image of an input.

    The rows are in the input's order, and the same however often the work was stopped and resumed.

    Raises:
        EmbeddingError: the output may not be used, was begun with other settings, or cannot be written; or not one
            image could be read.
        ExportError: there is no SavedModel of ours.
        DataError: there is no such input, or it holds no images.
    """
    output = Output(config.output)
    with output.explaining():
        output.check(resume=config.resume, overwrite=config.overwrite)
    source = source_of(config)
    directory = exported.version_directory(user_path(config.saved_model))
    plan = make_plan(config, source, directory)
    if config.resume:
        require_same(plan, output.read_manifest())  # before the encoder is loaded
    model = load_saved_model(directory)
    with output.writing():
        with output.explaining():
            # Again, now that nobody else writes: until here another process could, and may have been done by now.
            output.check(resume=config.resume, overwrite=config.overwrite)
            if config.overwrite:
                require_images(plan["input"])
                output.clear()
            output.remove_leftovers()
            manifest = _begin(output, plan)
        images = open_input(manifest["input"], output.path)
        new, seconds = _write_shards(config, model, images, output, manifest)
        return _finish(output, manifest, new, seconds)


def parts_of(rows: int, size: int) -> list[range]:
    """Rows in consecutive parts of one size; the last may be smaller."""
    return [range(start, min(start + size, rows)) for start in range(0, rows, size)]


def embed_batch(model: SavedEncoder, batch: Batch, *, normalize: bool, dtype: str) -> Rows:
    """The embeddings of a batch; images that could not be read, or that give no finite numbers, have none."""
    errors = list(batch.errors)
    vectors = np.zeros((len(errors), model.metadata["embedding_dim"]), dtype)
    if not all(errors):
        found = model(tf.constant(batch.pixels)).numpy()
        if normalize:
            found = directions(found)
        with np.errstate(over="ignore"):  # what is too large for half precision is told below
            vectors = found.astype(dtype)
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
        errors[row] = errors[row] or f"the embedding has numbers that are not finite in {dtype}"
    vectors[[error is not None for error in errors]] = 0
    return Rows(batch.names, vectors, errors)


def _begin(output: Output, plan: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the input listed: written by an earlier run that was to do the same, or now."""
    if output.manifest.exists():
        manifest = output.read_manifest()
        require_same(plan, manifest)
        if "rows" in manifest["input"]:
            return manifest
    output.write_manifest(plan)  # before the list, so that a run that is killed meanwhile can be resumed
    try:
        manifest = plan | {"input": list_input(plan["input"], output.path)}
    except AagError:
        output.clear()  # nothing was begun, so that nothing need be overwritten the next time
        raise
    output.write_manifest(manifest)
    return output.read_manifest()


def _write_shards(
    config: EmbedConfig, model: SavedEncoder, images: Input, output: Output, manifest: dict[str, Any]
) -> tuple[int, float]:
    """Writes the Parquet files that are not there yet; how many images that took, and how many seconds."""
    columns = shards.schema(config.dtype)
    ranges = parts_of(len(images), config.shard_size)
    paths = [output.shard(number, len(ranges)) for number in range(len(ranges))]
    missing = [number for number, path in enumerate(paths) if not shards.is_shard(path, len(ranges[number]))]
    new = sum(len(ranges[number]) for number in missing)
    if missing and "embedded" in manifest:  # until they are there the output is not finished, nor its NumPy files
        del manifest["embedded"], manifest["broken"]
        with output.explaining():
            output.write_manifest(manifest)
    with Progress(len(images) - new, len(images)) as progress:
        for neighbors in _runs(missing):
            # One stream through neighboring files, so that no input is begun anew, and the encoder never waits.
            parts = [ranges[number] for number in neighbors]
            sizes = (len(batch) for rows in parts for batch in parts_of(len(rows), config.batch_size))
            items = images.items(parts[0].start, parts[-1].stop)
            batches = read_batches(items, model.image_shape, sizes, config.read_threads)
            for number in neighbors:
                rows = _embed_rows(config, model, batches, ranges[number], progress)
                with output.explaining():
                    shards.write_shard(paths[number], rows, columns)
        return new, progress.seconds


def _runs(numbers: list[int]) -> list[list[int]]:
    """Numbers in ascending order, as runs of neighbors."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _embed_rows(
    config: EmbedConfig, model: SavedEncoder, batches: Iterator[Batch], rows: range, progress: Progress
) -> Rows:
    """Takes as many batches as make one Parquet file."""
    names: list[str] = []
    errors: list[str | None] = []
    vectors: npt.NDArray[np.floating] = np.empty((len(rows), model.metadata["embedding_dim"]), config.dtype)
    while len(names) < len(rows):
        try:
            batch = next(batches, None)
        except (tf.errors.OpError, OSError) as error:  # of TFRecords or TFDS
            raise EmbeddingError(
                f"the input can no longer be read at row {rows.start + len(names)} ({type(error).__name__}); restore "
                "it and add --resume."
            ) from error
        if batch is None:
            raise EmbeddingError(
                f"the input ends at row {rows.start + len(names)}, before all images that were listed; it was changed "
                "meanwhile: restore it and add --resume."
            )
        try:
            done = embed_batch(model, batch, normalize=config.normalize, dtype=config.dtype)
        except tf.errors.ResourceExhaustedError as error:
            raise EmbeddingError(
                f"memory ran out at --batch_size={config.batch_size}; give a smaller one, with --resume to go on."
            ) from error
        vectors[len(names) : len(names) + len(done.paths)] = done.embeddings
        names += done.paths
        errors += done.errors
        progress.update(len(done.paths), sum(error is not None for error in done.errors))
    return Rows(names, vectors, errors)


def _finish(output: Output, manifest: dict[str, Any], new: int, seconds: float) -> EmbedReport:
    """Counts what there is, writes the NumPy files, and marks the output as complete."""
    collection = Collection(output, manifest)
    lost = manifest["settings"]["numpy"] and not (output.vectors.exists() and output.names.exists())
    if "embedded" not in manifest or lost:
        with output.explaining():
            broken = collection.broken(NAMED_IMAGES)
            if manifest["settings"]["numpy"]:
                write_numpy(collection)
            manifest |= {"embedded": int(collection.ok().sum()), "broken": broken}
            output.write_manifest(manifest)
    broken = [(path, error) for path, error in manifest["broken"]]
    if manifest["embedded"] == 0:
        raise EmbeddingError(
            f"none of the {len(collection)} images of {manifest['input']['source']} can be read; "
            f"{shown(broken[0][0])}, for one: {broken[0][1]}."
        )
    return EmbedReport(output.path, len(collection), manifest["embedded"], new, seconds, broken)
