"""Reads many image files as one set of images: each is tried once, broken ones are left out and named."""

import functools
import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.config.reading import read_range
from aag_tf.data.files import pictures, sizes
from aag_tf.data.files.header_columns import Headers
from aag_tf.data.files.headers import read_headers
from aag_tf.data.files.pages import Page, Pages, decode_page, warn_of_pages
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.skipped import Skipped, warn_of_skipped
from aag_tf.data.files.trying import try_all, without_frames
from aag_tf.data.files.value_range import Counts, Values, find_range, sample, say_unused, values_of_page
from aag_tf.data.images import memory
from aag_tf.data.images.base import ArrayImages, Images, Shape, empty_images
from aag_tf.data.images.cut_pictures import FROM_IMAGE, cuts, open_sources
from aag_tf.data.images.file_images import FileImages
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted, shown

MOVED_AT_ONCE = 64  # images


class ReadPictures(NamedTuple):
    """The images of the files that could be read, and why others could not.

    Args:
        usable: int64 [n], index of the path that each image is from; with `--pages=each` it may occur several times.
        images: the images, in this order.
        skipped: the other paths, and pages (`path#page=2`) of a path that has others.
        reading: how they are read.
    """

    usable: npt.NDArray[np.int64]
    images: Images
    skipped: Skipped
    reading: Reading


class CommonFormat(NamedTuple):
    """Height and width of all files (`None` if they differ), and the channels that all are read with."""

    size: tuple[int, int] | None
    channels: int


def read_pictures(name: str, paths: Sequence[str], config: DataConfig, crop_from: str = FROM_IMAGE) -> ReadPictures:
    """Reads image files at one size, with one number of channels and one range of values.

    The headers decide on size and channels (one only if every file is gray), a sample of the deep files on the range.
    Then every file is decoded once: into memory if all images fit, otherwise only to check it, since training decodes
    it again on every access. Where views are cut from the pictures themselves, files are opened and not decoded.

    Args:
        name: name of the data set, for messages.
        paths: the files.
        config: has `image_size` (see `aag_tf.data.files.sizes.target_size`) and the settings of reading.
        crop_from: what views are cut from, as `--crop_from` says.

    Raises:
        DataError: no file can be read, the files differ in channels, or all their values are equal.
    """
    settings = config.reading
    broken: dict[str, Exception] = {}
    headers = read_headers(name, paths, settings, broken)
    reading = _resolve(name, paths, headers, settings) if headers else Reading.of(settings)
    images: Images | None = None
    common: CommonFormat | None = None
    pages = Pages.of(paths, headers, settings.pages)
    notes: Counter[str] = Counter()
    # Repeated if a file that could not be decoded was the only one of another size, or the only one in color.
    while pages and (found := _common_format(name, paths, headers, settings)) != common:
        common, images = found, None  # what was read before gives its memory back
        shape = (*sizes.target_size(common.size, config.image_size), common.channels)
        if cuts(headers, shape, settings, crop_from):
            kept, images = open_sources(pages, headers, shape, reading, broken)
        else:
            kept, images, notes = _decode_all(pages, shape, reading, broken)
        pages = pages.select(kept)
        headers = headers.of(np.unique(pages.files))
    if not pages or images is None or common is None:
        path, error = next(iter(broken.items()))
        example = f"{path}: {reason(error)}"
        raise DataError(f"none of the {len(paths)} image files of {name} can be read; for example {example}.")
    found_sizes = np.stack([headers.column("height"), headers.column("width")], axis=1)
    sizes.warn_of_size(name, common.size, config.image_size, settings.fit, found_sizes, cut=images.has_sources)
    warn_of_pages(name, paths, headers, settings.pages)
    notes.update(headers.count_notes())
    for note, count in notes.items():
        logger.warning("%s has %s %s.", name, counted(count, "file"), note)
    skipped = {path: reason(error) for path, error in broken.items()}
    warn_of_skipped(name, skipped, max(len(paths), len(pages) + len(skipped)))
    return ReadPictures(pages.files, images, skipped, reading)


def _resolve(name: str, paths: Sequence[str], headers: Headers, settings: ReadingConfig) -> Reading:
    """Finds the range of deep images."""
    deep = Pages.of(paths, headers.of(headers.numbers[headers.column("deep")]), settings.pages)
    if not deep:
        say_unused(name, settings)
    if not deep or read_range(settings.value_range) is not None:
        return Reading.of(settings)

    def look(page: Page) -> list[Values]:
        values = values_of_page(pictures.decode_page(page.path, settings.max_pixels, page.number))
        return [] if values is None else [values]

    found = try_all(look, sample(deep), "sampling values of", {})
    known = [values for looked in found for values in looked or []]
    if not known:
        return Reading.of(settings)  # none can be decoded, which is said when all are
    counts = Counts(len(deep), int((~headers.column("deep")).sum()))
    return Reading.of(settings, find_range(name, settings, known, counts))


def _common_format(name: str, paths: Sequence[str], headers: Headers, settings: ReadingConfig) -> CommonFormat:
    height, width = headers.column("height"), headers.column("width")
    alike = (height == height[0]).all() and (width == width[0]).all()
    alike = alike and (settings.pages == "first" or headers.column("one_size").all())
    return CommonFormat(
        (int(height[0]), int(width[0])) if alike else None, _common_channels(name, paths, headers, settings)
    )


def _common_channels(name: str, paths: Sequence[str], headers: Headers, settings: ReadingConfig) -> int:
    if settings.channels is not None:
        return settings.channels
    counts, first = np.unique(headers.column("channels"), return_index=True)
    example = {int(count): paths[headers.numbers[row]] for count, row in zip(counts, first, strict=True)}
    if len(example) == 1 or set(example) <= {1, 3}:
        return max(example)
    found = ", ".join(f"{channels} (as {shown(example[channels])})" for channels in sorted(example))
    least = min(example)
    raise DataError(
        f"the files of {name} differ in their channels: {found}; give --channels={least} to read the first {least} of "
        "each, or keep files of one kind."
    )


def _decode_all(
    pages: Pages, shape: Shape, reading: Reading, broken: dict[str, Exception]
) -> tuple[npt.NDArray[np.int64], Images, Counter[str]]:
    """Returns the rows of the pages that can be decoded, their images, and how often what was found odd."""
    fits = len(pages) * math.prod(shape) <= memory.MEMORY_LIMIT
    array = empty_images(len(pages) if fits else 0, shape)
    fine = np.zeros(len(pages), np.bool_)
    noted: dict[int, str] = {}
    failed: dict[int, Exception] = {}

    def keep(row: int, picture: npt.NDArray[np.uint8], note: str) -> None:
        if fits:
            array[row] = picture
        fine[row] = True
        if note:
            noted[row] = note

    # Where the pages of each file begin.
    starts = np.append(np.flatnonzero(np.diff(pages.files, prepend=-1)), len(pages))

    def decode(file: int) -> None:
        rows = range(starts[file], starts[file + 1])
        page = pages[rows[0]]
        if len(rows) == 1:
            keep(rows[0], *pictures.decode_noted(page.path, shape, reading, page.number))
            return
        numbers = [pages[row].number for row in rows]
        try:
            for row, outcome in zip(rows, pictures.decode_pages(page.path, shape, reading, numbers), strict=True):
                if isinstance(outcome, Exception):
                    failed[row] = without_frames(outcome)
                else:
                    keep(row, *outcome)
        except Exception:
            fine[rows.start : rows.stop] = False
            raise

    try_all(decode, range(len(starts) - 1), "decoding", broken, lambda file: str(pages[starts[file]]))
    broken.update((str(pages[row]), failed[row]) for row in sorted(failed))
    kept = np.flatnonzero(fine)
    notes = Counter(noted[row] for row in sorted(noted))
    if fits:
        return kept, ArrayImages(_first(array, kept), shared=True), notes
    again = functools.partial(decode_page, reading=reading)
    return kept, FileImages(pages.select(kept), shape, again), notes


def _first(array: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Moves some rows, ascending, to the front of an array, and returns these."""
    if len(rows) < len(array):
        for start in range(0, len(rows), MOVED_AT_ONCE):
            some = rows[start : start + MOVED_AT_ONCE]
            array[start : start + len(some)] = array[some]  # none is moved onto one that is still to be moved
    return array[: len(rows)]
