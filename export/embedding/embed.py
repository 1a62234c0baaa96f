"""Embeds images, a Parquet file at a time: complete files stay, incomplete ones are written again."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config import EmbedConfig
from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding import shards
from aag_tf.export.embedding.collection import Collection
from aag_tf.export.embedding.inputs import Input, list_input, open_input, require_images, source_of
from aag_tf.export.embedding.manifest import Manifest, begin_manifest, require_same
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.progress import Progress
from aag_tf.export.embedding.reading import Batch, read_batches
from aag_tf.export.embedding.shards import Rows
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils import environment
from aag_tf.utils.errors import AagError, EmbeddingError
from aag_tf.utils.paths import user_path
from aag_tf.utils.text import shown

NAMED_IMAGES = 3


@dataclasses.dataclass(frozen=True)
class EmbedReport:
    """What was embedded.

    Args:
        path: the output directory.
        images: number of images in the input.
        embedded: number of images with an embedding.
        new: number of images that this run read; fewer than `images` where it resumed.
        seconds: duration of this run, after the input was listed and the encoder loaded.
        broken: (path, error) of some images without an embedding.
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
        EmbeddingError: the output may not be used, was begun with other settings, or cannot be written; or no image
            could be read.
        ExportError: aag-export did not write the encoder.
        DataError: there is no such input, or it holds no images.
    """
    environment.tell()
    output = Output(config.output)
    with output.converting_os_errors():
        output.check(resume=config.resume, overwrite=config.overwrite)
    source = source_of(config)
    directory = version_directory(user_path(config.saved_model))
    wanted = begin_manifest(config, source, directory)
    if config.resume:
        require_same(wanted, output.read_manifest())  # before the encoder is loaded
    model = load_saved_model(directory)
    with output.writing():
        with output.converting_os_errors():
            # Again under the lock, since another process may have written to the output until now.
            output.check(resume=config.resume, overwrite=config.overwrite)
            if config.overwrite:
                require_images(source)
                output.clear()
            output.remove_leftovers()
            manifest = _begin(output, wanted)
        images = open_input(manifest.input, output.path)
        manifest, new, seconds = _write_shards(config, model, images, output, manifest)
        return _finish(output, manifest, new, seconds)


def split_rows(rows: int, size: int) -> list[range]:
    """Splits `range(rows)` into consecutive ranges of one size; the last may be shorter."""
    return [range(start, min(start + size, rows)) for start in range(0, rows, size)]


def embed_batch(model: SavedEncoder, batch: Batch, *, normalize: bool, dtype: str) -> Rows:
    """Embeds a batch; an image that could not be read, or whose embedding is not finite in `dtype`, has an error."""
    errors = list(batch.errors)
    vectors = np.zeros((len(errors), model.metadata.embedding_dim), dtype)
    if not all(errors):
        found = model(tf.constant(batch.pixels)).numpy()
        if normalize:
            found = directions(found)
        with np.errstate(over="ignore"):  # what is too large for half precision becomes an error below
            vectors = found.astype(dtype)
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
        errors[row] = errors[row] or f"the embedding has numbers that are not finite in {dtype}"
    vectors[[error is not None for error in errors]] = 0
    return Rows(batch.names, vectors, errors)


def _begin(output: Output, wanted: Manifest) -> Manifest:
    """Returns the manifest of a listed input: of the earlier run that is continued, or a new one."""
    if output.manifest.exists():
        manifest = output.read_manifest()
        require_same(wanted, manifest)
        if manifest.is_listed:
            return manifest
    output.write_manifest(wanted)  # before the list, so that a run that is killed meanwhile can be resumed
    try:
        manifest = dataclasses.replace(wanted, input=list_input(wanted.input, output.path))
    except AagError:
        output.clear()  # so that the next run needs no --overwrite
        raise
    output.write_manifest(manifest)
    return manifest


def _write_shards(
    config: EmbedConfig, model: SavedEncoder, images: Input, output: Output, manifest: Manifest
) -> tuple[Manifest, int, float]:
    """Writes the missing Parquet files; returns the manifest, the number of images read, and the seconds."""
    columns = shards.schema(config.dtype)
    ranges = split_rows(len(images), config.shard_size)
    paths = [output.shard(number, len(ranges)) for number in range(len(ranges))]
    missing = [number for number, path in enumerate(paths) if not shards.is_shard(path, len(ranges[number]))]
    new = sum(len(ranges[number]) for number in missing)
    if missing and manifest.is_complete:  # no longer, nor are its NumPy files
        manifest = dataclasses.replace(manifest, embedded=None, broken=None)
        with output.converting_os_errors():
            output.write_manifest(manifest)
    with Progress(len(images) - new, len(images)) as progress:
        for neighbors in _consecutive(missing):
            # One stream through neighboring files: the input is opened once, and the encoder never waits.
            parts = [ranges[number] for number in neighbors]
            sizes = (len(batch) for rows in parts for batch in split_rows(len(rows), config.batch_size))
            items = images.items(parts[0].start, parts[-1].stop)
            reading = model.metadata.record.reading
            batches = read_batches(items, model.image_shape, sizes, config.read_threads, reading=reading)
            for number in neighbors:
                rows = _embed_rows(config, model, batches, ranges[number], progress)
                with output.converting_os_errors():
                    shards.write_shard(paths[number], rows, columns)
        return manifest, new, progress.seconds


def _consecutive(numbers: list[int]) -> list[list[int]]:
    """Splits ascending numbers where one is left out."""
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    return [[number for _, number in group] for _, group in groups]


def _embed_rows(
    config: EmbedConfig, model: SavedEncoder, batches: Iterator[Batch], rows: range, progress: Progress
) -> Rows:
    """Takes the batches of one Parquet file."""
    names: list[str] = []
    errors: list[str | None] = []
    vectors: npt.NDArray[np.floating] = np.empty((len(rows), model.metadata.embedding_dim), config.dtype)
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


def _finish(output: Output, manifest: Manifest, new: int, seconds: float) -> EmbedReport:
    """Writes the NumPy files, counts the embeddings, and marks the output as complete."""
    collection = Collection(output, manifest)
    lost = manifest.settings.numpy and not (output.vectors.exists() and output.names.exists())
    if not manifest.is_complete or lost:
        with output.converting_os_errors():
            broken = collection.broken(NAMED_IMAGES)
            if manifest.settings.numpy:
                collection.write_numpy()
            manifest = dataclasses.replace(manifest, embedded=int(collection.ok().sum()), broken=broken)
            output.write_manifest(manifest)
    assert manifest.embedded is not None
    assert manifest.broken is not None
    broken = [(path, error) for path, error in manifest.broken]
    if manifest.embedded == 0:
        raise EmbeddingError(
            f"none of the {len(collection)} images of {manifest.input['source']} can be read; "
            f"{shown(broken[0][0])}, for one: {broken[0][1]}."
        )
    return EmbedReport(output.path, len(collection), manifest.embedded, new, seconds, broken)
