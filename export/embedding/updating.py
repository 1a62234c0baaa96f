"""Brings a finished output up to date with its folder or list, without touching what stays as it is.

An update first lists the input anew (`update.jsonl`): the rows of before in their order, then new images. The Parquet
files that have a row that differs are written to `update/`, while the output stays usable as it was. When all are
written, the manifest says so, and then they take the place of the earlier ones. Each of these steps can be repeated, so
that a process may be killed at any time: the next one goes on with the same list.
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import file_lists, shards
from aag_tf.export.embedding.collection import open_collection
from aag_tf.export.embedding.inputs import source_of
from aag_tf.export.embedding.manifest import Manifest, Update, begin_manifest, require_updatable
from aag_tf.export.embedding.output import LIST_FILE, OWN_SHARD, UPDATE_LIST_FILE, Output
from aag_tf.export.embedding.progress import Progress
from aag_tf.export.embedding.reading import read_batches, reading_of
from aag_tf.export.embedding.report import EmbedReport, finish
from aag_tf.export.embedding.shards import Rows
from aag_tf.export.embedding.vectors import embed_rows
from aag_tf.preflight.embed import OF_FILES, not_updatable
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.atomic import sync
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.log import logger


def update(config: EmbedConfig) -> EmbedReport:
    """Embeds what is new or has changed, and marks what is gone; goes on with an update that was stopped.

    Raises:
        EmbeddingError: the output is not finished, was made by another encoder, or cannot be written; or nothing of it
            is in the input any more.
        ExportError: aag-export did not write the encoder.
        DataError: there is no such input.
    """
    output = Output(config.output)
    with output.converting_os_errors():
        output.check(update=True)
    source = source_of(config)
    if source["kind"] not in OF_FILES:
        raise not_updatable(config.input)
    directory = version_directory(config.saved_model)
    wanted = begin_manifest(config, source, directory)
    require_updatable(wanted, output.read_manifest())  # before the encoder is loaded
    model = load_saved_model(directory)
    with output.writing():
        manifest = output.read_manifest()
        require_updatable(wanted, manifest)  # again under the lock
        with output.converting_os_errors():
            output.remove_leftovers()
            if manifest.update is None:
                manifest = _plan(output, wanted, manifest)
            else:
                logger.info("This goes on with an update that was stopped; later changes are left to the next one.")
        if manifest.update is None:
            return dataclasses.replace(finish(output, manifest, 0, 0.0), changes="nothing is new, changed or gone")
        new, seconds = _write_shards(config, model, output, manifest, manifest.update)
        with output.converting_os_errors():
            changes = str(manifest.update)
            manifest = _publish(output, manifest, manifest.update)
            report = finish(output, manifest, new, seconds)
            output.remove_update()
        return dataclasses.replace(report, changes=changes)


def _plan(output: Output, wanted: Manifest, manifest: Manifest) -> Manifest:
    """Lists the input anew, and notes the update in the manifest; returns it without one where nothing differs."""
    rows = len(open_collection(output.path))  # checks every Parquet file
    file_lists.open_input(manifest.input, output.path)  # checks the list
    output.remove_update()
    listing = wanted.input | file_lists.list_update(wanted.input, output.path)
    counts = Counter(kind for _, kind in file_lists.changed_rows(output.path))
    found = Update(listing, counts["new"], counts["changed"], counts["gone"])
    if found.gone and found.gone + (manifest.gone or 0) >= rows:
        output.remove_update()
        raise EmbeddingError(
            f"--update: none of the {rows:,} images of this output is in {wanted.input['source']}; is a disk missing, "
            "or is it another input? Nothing was changed; name the input with --input, or another --output."
        )
    if wanted.input["source"] != manifest.input["source"]:
        logger.warning("The input was %s, and is now %s.", manifest.input["source"], wanted.input["source"])
    if not counts:
        output.remove_update()
        return manifest
    logger.info("This update finds %s of %s images.", found, f"{rows:,}")
    manifest = dataclasses.replace(manifest, update=found)
    output.write_manifest(manifest)
    return manifest


def _write_shards(
    config: EmbedConfig, model: SavedEncoder, output: Output, manifest: Manifest, update: Update
) -> tuple[int, float]:
    """Writes the missing Parquet files of an update; returns the number of images read, and the seconds."""
    if update.is_written:
        return 0, 0.0
    columns, size = shards.schema(config.dtype), config.shard_size
    images = file_lists.open_input(update.input, output.path, UPDATE_LIST_FILE)
    ranges = shards.split_rows(len(images), size)
    changed = itertools.groupby((row for row, _ in file_lists.changed_rows(output.path)), lambda row: row // size)
    missing = {
        number: rows
        for number, rows in ((number, list(rows)) for number, rows in changed)
        if not shards.is_shard(output.updated_shard(number, len(ranges)), len(ranges[number]))
    }
    new = sum(map(len, missing.values()))
    before = len(shards.split_rows(manifest.input["rows"], size))
    with output.converting_os_errors():
        output.updated.mkdir(exist_ok=True)
    with Progress(0, new) as progress:
        sizes = (len(part) for rows in missing.values() for part in shards.split_rows(len(rows), config.batch_size))
        items = images.items_of(itertools.chain.from_iterable(missing.values()))
        reading = reading_of(config, model.metadata.record)
        batches = read_batches(items, model.image_shape, sizes, config.read_threads, reading=reading)
        for number, rows in missing.items():
            found = embed_rows(config, model, batches, rows, progress)
            with output.converting_os_errors():
                if number < before:
                    kept = shards.read_rows(output.shard(number, before), model.metadata.embedding_dim)
                    found = _merged(kept, found, [row - ranges[number].start for row in rows])
                shards.write_shard(output.updated_shard(number, len(ranges)), found, columns)
        return new, progress.seconds


def _merged(kept: Rows, found: Rows, places: Sequence[int]) -> Rows:
    """Puts rows into their places among those of before, and new ones behind them."""
    count = max(len(kept.paths), places[-1] + 1)
    paths, errors = [*kept.paths, *[""] * count][:count], [*kept.errors, *[None] * count][:count]
    vectors = np.zeros((count, kept.embeddings.shape[1]), kept.embeddings.dtype)
    vectors[: len(kept.embeddings)] = kept.embeddings
    vectors[places] = found.embeddings
    for place, path, error in zip(places, found.paths, found.errors, strict=True):
        paths[place], errors[place] = path, error
    return Rows(paths, vectors, errors)


def _publish(output: Output, manifest: Manifest, update: Update) -> Manifest:
    """Lets the files of an update take the place of earlier ones; returns the manifest of the result, not complete."""
    manifest = dataclasses.replace(
        manifest, embedded=None, broken=None, gone=None, update=dataclasses.replace(update, is_written=True)
    )
    output.write_manifest(manifest)
    size = manifest.settings.shard_size
    before, after = (len(shards.split_rows(rows, size)) for rows in (manifest.input["rows"], update.input["rows"]))
    for number in range(after):
        written, place = output.updated_shard(number, after), output.shard(number, after)
        if written.exists():
            written.replace(place)
        elif not place.exists():  # as the number of files is in their names
            output.shard(number, before).replace(place)
    wanted = {output.shard(number, after) for number in range(after)}
    for file in output.parquet.glob("*"):
        if OWN_SHARD.fullmatch(file.name) and file not in wanted:
            file.unlink()
    sync(output.parquet)
    listed = output.path / UPDATE_LIST_FILE
    if listed.exists():
        listed.replace(output.path / LIST_FILE)
        sync(output.path)
    return dataclasses.replace(manifest, input=update.input, update=None)
