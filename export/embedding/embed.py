"""Embeds images, a Parquet file at a time: complete files stay, incomplete ones are written again."""

import dataclasses
import itertools

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import file_lists, shards
from aag_tf.export.embedding.inputs import Input, list_input, open_input, require_images, source_of
from aag_tf.export.embedding.manifest import Manifest, begin_manifest, require_same
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.progress import Progress
from aag_tf.export.embedding.reading import read_batches, reading_of
from aag_tf.export.embedding.report import EmbedReport, finish
from aag_tf.export.embedding.stored_output import output_to_write
from aag_tf.export.embedding.updating import update
from aag_tf.export.embedding.vectors import embed_rows
from aag_tf.preflight.embed import OF_FILES
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils import environment
from aag_tf.utils.errors import AagError
from aag_tf.utils.log import logger


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
    if config.update:
        return update(config)
    with output_to_write(config.output) as output:
        return _embed_into(output, config)


def _embed_into(output: Output, config: EmbedConfig) -> EmbedReport:
    with output.converting_os_errors():
        output.check(resume=config.resume, overwrite=config.overwrite)
    source = source_of(config)
    directory = version_directory(config.saved_model)
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
            output.fetch()
            output.remove_leftovers()
            manifest = _begin(output, wanted)
        images = open_input(manifest.input, output.path)
        if config.resume:
            _say_what_is_left_out(manifest, output)
        manifest, new, seconds = _write_shards(config, model, images, output, manifest)
        return finish(output, manifest, new, seconds)


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
    ranges = shards.split_rows(len(images), config.shard_size)
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
            sizes = (len(batch) for rows in parts for batch in shards.split_rows(len(rows), config.batch_size))
            items = images.items(parts[0].start, parts[-1].stop)
            reading = reading_of(config, model.metadata.record)
            batches = read_batches(items, model.image_shape, sizes, config.read_threads, reading=reading)
            for number in neighbors:
                rows = embed_rows(config, model, batches, ranges[number], progress)
                with output.converting_os_errors():
                    shards.write_shard(paths[number], rows, columns)
                    output.push()
        return manifest, new, progress.seconds


def _say_what_is_left_out(manifest: Manifest, output: Output) -> None:
    """Says how the input differs from its list, which a resumed run embeds."""
    if manifest.input["kind"] not in OF_FILES:
        return
    new, gone = file_lists.count_unlisted(manifest.input, output.path)
    if new or gone:
        logger.warning(
            "--resume embeds the files that were listed when this output was begun: %s new and %s that are gone since "
            "are left out; bring it up to date with --update once it is finished.",
            *(f"{new:,}", f"{gone:,}"),
        )


def _consecutive(numbers: list[int]) -> list[list[int]]:
    """Splits ascending numbers where one is left out."""
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    return [[number for _, number in group] for _, group in groups]
