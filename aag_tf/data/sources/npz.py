"""`npz:<path>`: a NumPy archive with `images`, and optionally `labels`, `test_images` and `test_labels`."""

import functools
import math
from collections.abc import Callable, Collection, Iterator

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.config.reading import LARGEST_CHANNELS
from aag_tf.data.files import sizes, value_range
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images import memory
from aag_tf.data.images.base import Images
from aag_tf.data.sources.array_rows import ArrayRows, open_rows
from aag_tf.data.sources.arrays import converting_errors, npz_path, read_arrays
from aag_tf.data.sources.row_images import Conversion, RowImages, as_pixels, load
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger

IMAGES = ("images", "test_images")
LABELS = {"images": "labels", "test_images": "test_labels"}
SHALLOW = (np.uint8, np.bool_)


def read_npz(path: str, config: DataConfig, *, in_order: bool = False) -> Source:
    """Opens images, real numbers [n, h, w, c] or [n, h, w], and their labels if present, integers [n].

    uint8 images are taken as they are; the range of others is found as for image files
    (`aag_tf.data.files.value_range`). Nothing is unpickled. Images are read into memory if all fit; if not, they are
    read from the archive each time they are fetched, where it is not compressed.

    Args:
        path: of the archive.
        config: settings of the data set.
        in_order: whether images are fetched in ascending order, as they are packed, so that none need to fit.

    Raises:
        DataError: the file is missing or not an archive of arrays, or its arrays have wrong names, types or shapes; or
            they are compressed and do not fit into memory.
    """
    file, limit = npz_path(path), memory.MEMORY_LIMIT
    with converting_errors(path):
        rows = open_rows(file, IMAGES, limit)
    labels = read_arrays(file, tuple(LABELS.values()), limit=limit, advice="store a whole number an image")
    if "images" not in rows:
        raise DataError(f"{path} holds no array `images`; save it with numpy.savez(path, images=..., labels=...).")
    if "test_labels" in labels and "test_images" not in rows:
        raise DataError(f"{path} holds `test_labels` without `test_images`; save both or neither.")
    name, shapes = f"npz:{path}", {key: _shape(path, key, found) for key, found in rows.items()}
    sizes.warn_of_size(name, shapes["images"][:2], config.image_size, config.reading.fit)
    splits: dict[str, Split] = {}
    with converting_errors(path):
        reading = _reading(name, rows, config)
        conversions = {
            key: Conversion(name, found, _target(shapes[key], config), reading) for key, found in rows.items()
        }
        opened = _opener(name, conversions.values(), in_order=in_order)
        images = {key: opened(conversion) for key, conversion in conversions.items()}
    for key, own in images.items():
        try:
            splits[key] = Split(own, labels.get(LABELS[key]))
        except DataError as error:
            if LABELS[key] not in labels:
                raise
            raise DataError(f"`{LABELS[key]}` of {path} does not fit `{key}`: {error}") from error
    return Source(name=name, train=splits["images"], test=splits.get("test_images"), reading=reading)


def _shape(path: str, key: str, rows: ArrayRows) -> Shape:
    """Returns height, width and channels of the images of an array.

    Raises:
        DataError: it holds no images.
    """
    if rows.dtype.kind not in "uifb" or rows.dtype.itemsize > 8:
        raise DataError(f"`{key}` of {path} is {rows.dtype}; store real numbers, best uint8 values from 0 to 255.")
    shape = (*rows.shape, 1) if len(rows.shape) == 3 else rows.shape
    if len(shape) != 4 or shape[3] > LARGEST_CHANNELS or 0 in shape:
        raise DataError(
            f"`{key}` of {path} has shape {list(rows.shape)}; it must be [n, height, width, channels] with up to "
            f"{LARGEST_CHANNELS} channels, or [n, height, width], and not be empty."
        )
    return shape[1], shape[2], shape[3]


def _target(shape: Shape, config: DataConfig) -> Shape:
    return (*sizes.target_size(shape[:2], config.image_size), config.reading.channels or shape[2])


def _reading(name: str, rows: dict[str, ArrayRows], config: DataConfig) -> Reading:
    """Finds the range of values that are not uint8, in all images together."""
    deep = [own for own in rows.values() if own.dtype not in SHALLOW]
    if not deep:
        value_range.say_unused(name, config.reading)
        return Reading.of(config.reading)
    total = sum(map(len, deep))
    counts = value_range.Counts(total, sum(map(len, rows.values())) - total)
    return Reading.of(config.reading, value_range.find_range(name, config.reading, _sampled(deep, total), counts))


def _sampled(arrays: list[ArrayRows], total: int) -> Iterator[value_range.Values]:
    """Yields the values of a sample of the images of arrays, taken as one."""
    ends = np.cumsum([len(rows) for rows in arrays])
    for number in value_range.sample(range(total)):
        rows = arrays[owner := int(np.searchsorted(ends, number, side="right"))]
        yield value_range.values_of(as_pixels(rows.read(np.array([number - ends[owner] + len(rows)])))[0])


def _opener(name: str, conversions: Collection[Conversion], *, in_order: bool) -> Callable[[Conversion], Images]:
    """Returns how all images are opened: into memory, or to be read from the archive each time.

    Raises:
        DataError: neither is possible.
    """
    count, shape = sum(len(each.rows) for each in conversions), next(iter(conversions)).shape
    if in_order:
        return functools.partial(RowImages, advice=", and give the command again.")
    if not all(each.rows.in_any_order for each in conversions):
        memory.require_memory(name, count, shape)
    needed = count * math.prod(shape)
    if needed <= memory.MEMORY_LIMIT:
        return load
    logger.warning(
        "%s needs %.1f GiB at %s, above the limit of %.1f GiB: its images are read from the disk in every epoch.",
        *(name, needed / 2**30, "x".join(map(str, shape)), memory.MEMORY_LIMIT / 2**30),
    )
    return RowImages
