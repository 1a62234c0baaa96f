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
from aag_tf.export.embedding.integrity import is_intact
from aag_tf.export.embedding.manifest import FOLLOW, Manifest, Update, begin_manifest, require_updatable
from aag_tf.export.embedding.output import UPDATE_LIST_FILE, Output
from aag_tf.export.embedding.output_directory import LIST_FILE, OWN_SHARD
from aag_tf.export.embedding.reading import read_batches, reading_of
from aag_tf.export.embedding.report import EmbedReport, finish
from aag_tf.export.embedding.shards import DamagedFileError, Rows, ShardFacts
from aag_tf.export.embedding.vectors import embed_rows
from aag_tf.preflight.embed import OF_FILES, not_updatable
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.atomic import sync
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.image_progress import ImageProgress
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
    model = load_saved_model(directory, trust_model=config.trust_model)
    with output.writing():
        manifest = output.read_manifest()
        require_updatable(wanted, manifest)  # again under the lock
        wanted = _following_as_before(wanted, manifest)
        with output.converting_os_errors():
            output.remove_leftovers()
            if manifest.update is None:
                manifest = _plan(output, wanted, manifest)
            else:
                logger.info("This goes on with an update that was stopped; later changes are left to the next one.")
        if manifest.update is None:
            return dataclasses.replace(finish(output, manifest, 0, 0.0), changes="nothing is new, changed or gone")
        manifest, new, seconds = _write_shards(config, model, output, manifest)
        with output.converting_os_errors():
            changes = str(manifest.update)
            manifest = _publish(output, manifest)
            try:
                report = finish(output, manifest, new, seconds)
            except DamagedFileError:
                output.write_manifest(manifest)  # so that --resume, which mends it, may be given
                raise
            output.remove_update()
        return dataclasses.replace(report, changes=changes)


def _following_as_before(wanted: Manifest, begun: Manifest) -> Manifest:
    """Follows the links of a folder if that was done before: their images are not gone."""
    if wanted.input["kind"] != "folder" or begun.input.get(FOLLOW, True) is not True:
        return wanted
    return dataclasses.replace(wanted, input=wanted.input | {FOLLOW: True})


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
    config: EmbedConfig, model: SavedEncoder, output: Output, manifest: Manifest
) -> tuple[Manifest, int, float]:
    """Writes the missing Parquet files of an update; returns the manifest, the number of images read, and the seconds.

    Where the file that has the other rows is damaged, it is set aside, and all of its rows are embedded again.
    """
    update = manifest.update
    assert update is not None
    if update.is_written:
        return manifest, 0, 0.0
    columns, size = shards.schema(config.dtype), config.shard_size
    images = file_lists.open_input(update.input, output.path, UPDATE_LIST_FILE)
    ranges = shards.split_rows(len(images), size)
    before = shards.split_rows(manifest.input["rows"], size)
    changed = itertools.groupby((row for row, _ in file_lists.changed_rows(output.path)), lambda row: row // size)
    missing: dict[int, Sequence[int]] = {
        number: rows
        for number, rows in ((number, list(rows)) for number, rows in changed)
        if not _is_written(output, update, number, ranges)
    }
    with output.converting_os_errors():
        output.updated.mkdir(exist_ok=True)
        for number in missing:
            if number < len(before) and not is_intact(output, manifest, number, before):
                missing[number] = ranges[number]
    new = sum(map(len, missing.values()))
    with ImageProgress("embedding", new) as progress:
        sizes = (len(part) for rows in missing.values() for part in shards.split_rows(len(rows), config.batch_size))
        items = images.items_of(itertools.chain.from_iterable(missing.values()))
        reading = reading_of(config, model.metadata.record)
        batches = read_batches(items, model.image_shape, sizes, config.read_threads, reading=reading)
        for number, rows in missing.items():
            found = embed_rows(config, model, batches, rows, progress)
            with output.converting_os_errors():
                if len(rows) < len(ranges[number]):
                    kept = shards.read_rows(output.shard(number, len(before)), model.metadata.embedding_dim)
                    found = _merged(kept, found, [row - ranges[number].start for row in rows])
                facts = shards.write_shard(output.updated_shard(number, len(ranges)), found, columns)
                name = output.name_of(output.shard(number, len(ranges)))
                update = dataclasses.replace(update, files=update.files | {name: facts})
                manifest = dataclasses.replace(manifest, update=update)
                output.write_manifest(manifest)
        return manifest, new, progress.seconds


def _is_written(output: Output, update: Update, number: int, ranges: Sequence[range]) -> bool:
    """Whether a Parquet file of an update is there as it was written; one that is not is written over."""
    facts = update.files.get(output.name_of(output.shard(number, len(ranges))))
    return facts is not None and facts.fault(output.updated_shard(number, len(ranges))) is None


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


def _publish(output: Output, manifest: Manifest) -> Manifest:
    """Lets the files of an update take the place of earlier ones; returns the manifest of the result, not complete."""
    update = manifest.update
    assert update is not None
    manifest = dataclasses.replace(
        manifest, embedded=None, broken=None, gone=None, update=dataclasses.replace(update, is_written=True)
    )
    output.write_manifest(manifest)
    size = manifest.settings.shard_size
    before, after = (len(shards.split_rows(rows, size)) for rows in (manifest.input["rows"], update.input["rows"]))
    files: dict[str, ShardFacts | FileFacts] = {}
    for number in range(after):
        written, earlier, place = (
            output.updated_shard(number, after),
            output.shard(number, before),
            output.shard(number, after),
        )
        if written.exists():
            written.replace(place)
        elif not place.exists():  # as the number of files is in their names
            earlier.replace(place)
        facts = update.files.get(output.name_of(place)) or (manifest.files or {}).get(output.name_of(earlier))
        if facts is not None:  # of an earlier version none are known
            files[output.name_of(place)] = facts
    wanted = {output.shard(number, after) for number in range(after)}
    for file in output.parquet.glob("*"):
        if OWN_SHARD.fullmatch(file.name) and file not in wanted:
            file.unlink()
    sync(output.parquet)
    listed = output.path / UPDATE_LIST_FILE
    if listed.exists():
        listed.replace(output.path / LIST_FILE)
        sync(output.path)
    return dataclasses.replace(manifest, input=update.input, update=None, files=files or None)
