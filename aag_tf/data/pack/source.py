"""`pack:<directory>`: images that `aag-pack` wrote, with the splits, labels and class names of what was packed."""

import dataclasses
import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.config.reading import read_range
from aag_tf.data.files import pictures, resizing, sizes, value_range
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.skipped import warn_of_skipped
from aag_tf.data.images import memory
from aag_tf.data.images.base import ArrayImages, Images, Shape, empty_images
from aag_tf.data.images.cut_pictures import FROM_IMAGE, FROM_SOURCE, LARGER, MUCH_LARGER, mostly_larger
from aag_tf.data.images.derived_images import TransformedImages
from aag_tf.data.pack.channels import common_channels
from aag_tf.data.pack.images import PackImages
from aag_tf.data.pack.manifest import ORIGINAL, RAW, Manifest, pack_directory, read_complete
from aag_tf.data.pack.pictures import PackedPictures
from aag_tf.data.pack.records import read_image
from aag_tf.data.pack.shards import ShardedRecords
from aag_tf.data.pack.table import has_pages, read_decoders, read_deep, read_labels, read_sizes
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.progress import progress_bar

# Decoded images that are kept in memory, in bytes. Larger packs are decoded on every access, so that a run of any of
# them begins at once and takes little memory.
KEPT_IN_MEMORY = 2**30
DECODED_AT_ONCE = 64


def read_pack(path: str, config: DataConfig, crop_from: str = FROM_IMAGE, *, partly: bool = False) -> Source:
    """Reads a finished pack; only its manifest and its labels are loaded.

    Pictures get the size that those of a folder of the same files would have, by `config.image_size` or by their own.

    Args:
        path: of the directory.
        config: settings of the data set.
        crop_from: what views are cut from, as `--crop_from` says.
        partly: whether files of images may be missing (see `aag_tf.data.pack.dealing`); nothing is read into memory.

    Raises:
        DataError: there is no finished pack, or a file of it is missing or damaged.
    """
    directory = pack_directory(path)
    manifest = read_complete(directory)
    assert manifest.splits is not None
    assert manifest.shape is not None
    name = f"pack:{path}"
    empty = next((split for split, packed in manifest.splits.items() if not packed.images), None)
    if empty is not None:
        raise DataError(
            f"none of the pictures in the {empty} part of {name} could be read; repair and pack them again."
        )
    if config.reading.pages != ReadingConfig.pages:
        raise DataError(f"--pages={config.reading.pages} does not belong to {name}, which has an image a picture.")
    skipped = {file: why for packed in manifest.splits.values() for file, why in packed.skipped.items()}
    total = sum(packed.images for packed in manifest.splits.values())
    warn_of_skipped(name, skipped, total + len(skipped))
    shape = _shape(name, manifest, config)
    reading = _reading(name, directory, manifest, config, partly=partly)
    # Who packed larger pictures trusts them.
    reading = dataclasses.replace(reading, max_pixels=max(reading.max_pixels, manifest.reading.max_pixels))
    cut = _cuts(directory, manifest, shape, reading, crop_from)
    sizes.warn_of_size(name, manifest.size, config.image_size, reading.fit, cut=cut)
    keep = not (cut or partly) and total * math.prod(shape) <= min(KEPT_IN_MEMORY, memory.MEMORY_LIMIT)
    splits = {}
    first_shard = 0
    for split, packed in manifest.splits.items():
        records = ShardedRecords(directory, split, packed, partly=partly)
        cut_from = None
        if cut:
            known = *read_decoders(directory, split, packed), *read_sizes(directory, split, packed)
            cut_from = PackedPictures(*known, channels=shape[2], reading=reading)
        images = open_images(directory, manifest, records, shape, reading, cut_from=cut_from, first_shard=first_shard)
        first_shard += len(packed.shards)
        splits[split] = Split(_loaded(images) if keep else images, read_labels(directory, split, packed))
    return Source(
        name,
        splits["train"],
        splits.get("validation"),
        splits.get("test"),
        manifest.class_names,
        skipped=skipped,
        reading=reading,
    )


def open_images(
    directory: Path,
    manifest: Manifest,
    records: ShardedRecords,
    shape: Shape,
    reading: Reading,
    *,
    cut_from: PackedPictures | None = None,
    first_shard: int = 0,
) -> Images:
    """Returns the images of a split at a shape.

    Args:
        directory: of the pack.
        manifest: of the pack.
        records: of the split.
        shape: wanted height, width and channels; those of raw images, but for the size.
        reading: how pictures are read.
        cut_from: what is known of the pictures, where views are cut from them.
        first_shard: number of the first file of the split among those of all.
    """
    assert manifest.shape is not None
    if manifest.settings.form != RAW:
        side = manifest.settings.side
        return PackImages(directory, records, shape, reading, cut_from=cut_from, side=side, first_shard=first_shard)
    images = PackImages(directory, records, manifest.shape, None, first_shard=first_shard)
    if shape == manifest.shape:
        return images
    return TransformedImages(images, lambda pixels, _: resizing.fit(pixels, shape[:2], reading.fit), shape)


def _cuts(directory: Path, manifest: Manifest, shape: Shape, reading: Reading, crop_from: str) -> bool:
    """Whether views are cut from the pictures themselves; see `aag_tf.data.images.cut_pictures.cuts`."""
    if manifest.settings.form == RAW or crop_from != "auto":
        return manifest.settings.form != RAW and crop_from == FROM_SOURCE
    if reading.fit != "crop" or manifest.deep or not set(manifest.channels or ()) <= {1, 2, 3}:
        return False
    splits = (manifest.splits or {}).items()
    if any(has_pages(directory, name, split) for name, split in splits):
        return False
    found = [read_sizes(directory, name, split) for name, split in splits]
    times = MUCH_LARGER if manifest.settings.side is None else LARGER
    return mostly_larger(np.concatenate([height * width for height, width in found]), shape, times)


def _shape(name: str, manifest: Manifest, config: DataConfig) -> Shape:
    assert manifest.channels is not None
    channels = common_channels(name, manifest.channels, config.reading)
    if manifest.settings.form == RAW and channels != manifest.channels[0]:
        raise DataError(
            f"--channels={channels} does not fit {name}, whose pixels have {manifest.channels[0]}; leave it out, or "
            "pack again with it."
        )
    return (*sizes.target_size(manifest.size, config.image_size), channels)


def _reading(name: str, directory: Path, manifest: Manifest, config: DataConfig, *, partly: bool) -> Reading:
    """Returns how pictures are read: deep ones in a range that is set, or found in a sample of them."""
    packed, settings = manifest.reading, config.reading
    wanted = read_range(settings.value_range)
    if manifest.settings.form != ORIGINAL:
        if wanted is not None and packed.value_range is not None and wanted != packed.value_range:
            low, high = packed.value_range
            raise DataError(
                f"--value_range={settings.value_range} does not fit {name}, which was packed with {low:g}..{high:g}; "
                "leave it out, or pack again with it."
            )
        fit = packed.fit if manifest.settings.form == RAW else settings.fit
        return dataclasses.replace(Reading.of(settings, packed.value_range), fit=fit)
    if not manifest.deep:
        return Reading.of(settings)
    if partly and wanted is None:
        raise DataError(
            f"{name} has pictures of more than 8 bits, and their range is found in files that another machine has "
            "(--local_shards); name it with --value_range=LOW..HIGH."
        )
    total = sum(split.images for split in (manifest.splits or {}).values())
    counts = value_range.Counts(manifest.deep, total - manifest.deep)
    sampled = () if wanted is not None else _sample(directory, manifest, settings.max_pixels)
    return Reading.of(settings, value_range.find_range(name, settings, sampled, counts))


def _sample(directory: Path, manifest: Manifest, max_pixels: int) -> Iterator[value_range.Values]:
    """Yields the values of a sample of the deep pictures."""
    places = [
        (split, int(number))
        for split, packed in (manifest.splits or {}).items()
        for number in read_deep(directory, split, packed)
    ]
    open_splits: dict[str, ShardedRecords] = {}
    for place in value_range.sample(range(len(places))):
        split, number = places[place]
        if split not in open_splits:
            open_splits[split] = ShardedRecords(directory, split, (manifest.splits or {})[split])
        picture = io.BytesIO(read_image(open_splits[split].read([number])[0]))
        found = value_range.values_of_page(pictures.decode_page(picture, max_pixels))
        if found is not None:
            yield found


def _loaded(images: Images) -> ArrayImages:
    """Decodes all images into memory."""
    pixels = empty_images(len(images), images.shape)
    with progress_bar("decoding images", len(images), "img") as bar:
        for start in range(0, len(images), DECODED_AT_ONCE):
            stop = min(start + DECODED_AT_ONCE, len(images))
            pixels[start:stop] = images.numpy(np.arange(start, stop))
            bar.update(stop - start)
    return ArrayImages(pixels, shared=True)
