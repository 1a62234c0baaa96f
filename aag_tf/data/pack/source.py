"""`pack:<directory>`: images that `aag-pack` wrote, with the splits, labels and class names of what was packed."""

import math
from pathlib import Path

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data import memory, resizing
from aag_tf.data.derived_images import TransformedImages
from aag_tf.data.images import ArrayImages, Images, Shape
from aag_tf.data.pack.images import PackImages
from aag_tf.data.pack.manifest import RAW, Manifest, pack_directory, read_complete
from aag_tf.data.pack.shards import ShardedRecords
from aag_tf.data.pack.table import read_labels
from aag_tf.data.skipped import warn_of_skipped
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.progress import progress_bar

# Decoded images that are kept in memory, in bytes. Larger packs are decoded on every access, so that a run of any of
# them begins at once and takes little memory.
KEPT_IN_MEMORY = 2**30
DECODED_AT_ONCE = 512


def read_pack(path: str, config: DataConfig) -> Source:
    """Reads a finished pack; only its manifest and its labels are loaded.

    Pictures get the size that those of a folder of the same files would have, by `config.image_size` or by their own.

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
    resizing.warn_of_size(name, manifest.size, config.image_size)
    shape = (*resizing.target_size(manifest.size, config.image_size), manifest.shape[2])
    skipped = {file: why for packed in manifest.splits.values() for file, why in packed.skipped.items()}
    total = sum(packed.images for packed in manifest.splits.values())
    warn_of_skipped(name, skipped, total + len(skipped))
    keep = total * math.prod(shape) <= min(KEPT_IN_MEMORY, memory.MEMORY_LIMIT)
    splits = {}
    for split, packed in manifest.splits.items():
        records = ShardedRecords(directory, split, packed)
        images = open_images(directory, manifest, records, shape, config.reading.fit)
        splits[split] = Split(_loaded(images) if keep else images, read_labels(directory, split, packed))
    return Source(
        name,
        splits["train"],
        splits.get("validation"),
        splits.get("test"),
        manifest.class_names,
        skipped=skipped,
    )


def open_images(directory: Path, manifest: Manifest, records: ShardedRecords, shape: Shape, how: str) -> Images:
    """Returns the images of a split at a shape.

    Args:
        directory: of the pack.
        manifest: of the pack.
        records: of the split.
        shape: wanted height, width and channels.
        how: what becomes of another aspect; see `aag_tf.data.resizing.fit`.
    """
    assert manifest.shape is not None
    if manifest.settings.form != RAW:
        return PackImages(directory, records, shape, raw=False)
    images = PackImages(directory, records, manifest.shape, raw=True)
    if shape == manifest.shape:
        return images
    return TransformedImages(images, lambda pixels, _: resizing.fit(pixels, shape[:2], how), shape)


def _loaded(images: Images) -> ArrayImages:
    """Decodes all images into memory."""
    pixels = np.empty((len(images), *images.shape), np.uint8)
    with progress_bar("decoding images", len(images), "img") as bar:
        for start in range(0, len(images), DECODED_AT_ONCE):
            rows = np.arange(start, min(start + DECODED_AT_ONCE, len(images)))
            pixels[rows] = images.numpy(rows)
            bar.update(len(rows))
    return ArrayImages(pixels)
