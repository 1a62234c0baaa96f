"""Begins a pack, or finds what is left of one that was begun with the same pictures and settings."""

import dataclasses

from aag_tf.config import PackConfig, to_flat
from aag_tf.data.files import sizes
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.data.pack.channels import common_channels
from aag_tf.data.pack.manifest import JPEG, ORIGINAL, RAW, Manifest, Settings, read_manifest
from aag_tf.packing.items import ItemSource
from aag_tf.packing.output import Output
from aag_tf.packing.survey import survey
from aag_tf.utils.errors import DataError, PackError
from aag_tf.utils.versions import versions

USUAL_SHARD = 8192  # images
MOST_SHARDS = 256  # of a split, unless --shard_size says otherwise: as many are open at once when it is read


def plan(config: PackConfig, source: ItemSource) -> Manifest:
    """Returns the manifest of a run that begins.

    Raises:
        PackError: the source does not have pictures for the form that was asked for.
    """
    return Manifest(source.facts, _settings(config, source), versions(), class_names=source.class_names)


def begin(output: Output, wanted: Manifest, source: ItemSource, config: PackConfig) -> Manifest:
    """Returns the manifest of the run that is continued, or writes a new one; it is complete if no work is left.

    Raises:
        PackError: the output was begun with other pictures or settings, or its disk is too small.
    """
    if output.manifest.exists():
        begun = _read(output)
        _require_same(wanted, begun, output)
        if begun.splits is None or _is_whole(output, begun, verify=config.verify):
            return begun
        output.split_into_parts(begun)
        begun = dataclasses.replace(begun, splits=None)
        output.write_manifest(begun)
        return begun
    form, shape, reading = wanted.settings.form, source.shape, Reading.of(config.data.reading)
    if shape is None and form != ORIGINAL:
        name, settings = config.data.dataset, config.data.reading
        found = survey(name, source, settings, config.read_threads)
        channels = common_channels(name, found.channels, settings)
        reading = found.reading
        if form == JPEG and not set(found.channels) <= {1, 3}:
            raise PackError(f"{name} has pictures of {channels} channels, which JPEG does not hold; leave out --side.")
        if form == RAW:
            shape = (*sizes.target_size(found.size, config.data.image_size), channels)
            sizes.warn_of_size(name, found.size, config.data.image_size, settings.fit)
    total = sum(source.splits.values())
    output.require_space(_estimate(form, shape, total, source.size))
    begun = dataclasses.replace(wanted, shape=shape, reading=reading)
    output.write_manifest(begun)
    return begun


def _settings(config: PackConfig, source: ItemSource) -> Settings:
    size = config.shard_size or max(USUAL_SHARD, -(-max(source.splits.values()) // MOST_SHARDS))
    form = config.stored_form
    if source.shape is not None:  # pixels, for which there are no original bytes
        if form == JPEG:
            raise PackError(
                f"--side={config.side} makes JPEGs of files, and {config.data.dataset} has pixels; leave it out."
            )
        form = RAW
    image_size = None if config.data.image_size is None else str(config.data.image_size)
    return Settings(form, config.side, config.quality, image_size, size, to_flat(config.data.reading))


def _estimate(form: str, shape: Shape | None, total: int, original: int | None) -> int | None:
    """Bytes that a pack takes, about; `None` where that is not known before."""
    if shape is not None:
        return total * shape[0] * shape[1] * shape[2]
    return original if form != JPEG else None


def _read(output: Output) -> Manifest:
    try:
        return read_manifest(output.path)
    except DataError as error:
        raise PackError(str(error)) from error


def _require_same(wanted: Manifest, begun: Manifest, output: Output) -> None:
    """Checks that a run continues with the pictures and the settings it was begun with.

    Raises:
        PackError: one differs.
    """
    dataset, before = wanted.source["dataset"], begun.source["dataset"]
    if dataset != before:
        raise PackError(
            f"{output.path} was begun with --dataset={before}, not {dataset}; give that, or start again with "
            "--overwrite."
        )
    if wanted.source["digest"] != begun.source["digest"]:
        raise PackError(
            f"{dataset} has changed since {output.path} was begun; restore it, or start again with --overwrite."
        )
    settings = [{**dataclasses.asdict(each.settings), **each.settings.reading} for each in (wanted, begun)]
    for name in settings[0]:
        now, before = (each.get(name) for each in settings)
        if now != before and name != "reading":
            was = f"with --{name}={before}" if before is not None else f"without --{name}"
            raise PackError(
                f"{output.path} was begun {was}; give the command that began it, or start again with --overwrite."
            )


def _is_whole(output: Output, manifest: Manifest, *, verify: bool) -> bool:
    """Whether all files of a finished pack are there, and, if they are to be verified, have not changed."""
    return output.has_tables(manifest) and all(
        output.is_shard(split, number, len(packed.shards), shard, verify=verify)
        for split, packed in (manifest.splits or {}).items()
        for number, shard in enumerate(packed.shards)
    )
