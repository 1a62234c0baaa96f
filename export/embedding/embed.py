"""Embeds images, a Parquet file at a time: complete files stay, incomplete ones are written again."""

from collections.abc import Iterator
from pathlib import Path

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import shards
from aag_tf.export.embedding.beginning import begun
from aag_tf.export.embedding.inputs import (
    open_input,
    say_what_is_left_out,
    source_of,
)
from aag_tf.export.embedding.manifest import begin_manifest, require_same
from aag_tf.export.embedding.missing_shards import ShardWork, write_missing_shards
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.reading import Batch, reading_of
from aag_tf.export.embedding.report import EmbedReport, finish
from aag_tf.export.embedding.stored_output import output_to_write
from aag_tf.export.embedding.updating import update
from aag_tf.export.embedding.vectors import embed_rows
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils import environment
from aag_tf.utils.image_progress import ImageProgress


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
    model = load_saved_model(directory, trust_model=config.trust_model)
    with begun(output, config, source, wanted, require_same) as manifest:
        images = open_input(manifest.input, output.path)
        if config.resume:
            say_what_is_left_out(manifest.input, output.path, "--resume embeds", updatable=True)
        done, new, seconds = write_missing_shards(output, manifest, images, _work(config, model, output))
        return finish(output, done, new, seconds)


def _work(config: EmbedConfig, model: SavedEncoder, output: Output) -> ShardWork:
    columns = shards.schema(config.dtype)

    def write(path: Path, batches: Iterator[Batch], rows: range, progress: ImageProgress) -> shards.ShardFacts:
        done = embed_rows(config, model, batches, rows, progress)
        with output.converting_os_errors():
            return shards.write_shard(path, done, columns)

    return ShardWork(
        name="embedding",
        shard_size=config.shard_size,
        batch_size=config.batch_size,
        threads=config.read_threads,
        shape=model.image_shape,
        reading=reading_of(config, model.metadata.record),
        write=write,
    )
