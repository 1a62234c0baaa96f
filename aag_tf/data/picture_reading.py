"""Reads many image files as one set of images: each is tried once, broken ones are left out and named."""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.config.reading import read_range
from aag_tf.data import memory, pictures, sizes
from aag_tf.data.cut_pictures import FROM_IMAGE, cuts, open_sources
from aag_tf.data.file_images import FileImages
from aag_tf.data.headers import read_headers
from aag_tf.data.images import ArrayImages, Images, Shape
from aag_tf.data.pages import Page, decode_page, warn_of_pages
from aag_tf.data.pictures import Header
from aag_tf.data.reading import Reading
from aag_tf.data.reasons import reason
from aag_tf.data.skipped import Skipped, warn_of_skipped
from aag_tf.data.trying import try_all, without_frames
from aag_tf.data.value_range import Counts, Values, find_range, sample, say_unused, values_of_page
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted, shown


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
        config: has `image_size` (see `aag_tf.data.sizes.target_size`) and the settings of reading.
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
    pages = _pages(paths, headers, settings)
    notes: Counter[str] = Counter()
    # Repeated if a file that could not be decoded was the only one of another size, or the only one in color.
    while pages and (found := _common_format(name, paths, headers, settings)) != common:
        common = found
        shape = (*sizes.target_size(common.size, config.image_size), common.channels)
        if cuts(headers.values(), shape, settings, crop_from):
            kept, images = open_sources(pages, headers, shape, reading, broken)
        else:
            kept, images, notes = _decode_all([page for _, page in pages], shape, reading, broken)
        pages = [pages[row] for row in kept]
        headers = {number: headers[number] for number in dict.fromkeys(number for number, _ in pages)}
    if not pages or images is None or common is None:
        path, error = next(iter(broken.items()))
        example = f"{path}: {reason(error)}"
        raise DataError(f"none of the {len(paths)} image files of {name} can be read; for example {example}.")
    found_sizes = [(header.height, header.width) for header in headers.values()]
    sizes.warn_of_size(name, common.size, config.image_size, settings.fit, found_sizes, cut=images.has_sources)
    warn_of_pages(name, [paths[number] for number in headers], list(headers.values()), settings.pages)
    notes.update(header.note for header in headers.values() if header.note)
    for note, count in notes.items():
        logger.warning("%s has %s %s.", name, counted(count, "file"), note)
    skipped = {path: reason(error) for path, error in broken.items()}
    warn_of_skipped(name, skipped, max(len(paths), len(pages) + len(skipped)))
    return ReadPictures(np.array([number for number, _ in pages], np.int64), images, skipped, reading)


def _pages(paths: Sequence[str], headers: Mapping[int, Header], settings: ReadingConfig) -> list[tuple[int, Page]]:
    """Returns the pages that are images, each with the number of its path."""
    return [
        (number, Page(paths[number], page))
        for number, header in headers.items()
        for page in range(header.pages if settings.pages == "each" else 1)
    ]


def _resolve(name: str, paths: Sequence[str], headers: Mapping[int, Header], settings: ReadingConfig) -> Reading:
    """Finds the range of deep images."""
    deep = [page for number, page in _pages(paths, headers, settings) if headers[number].deep]
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
    counts = Counts(len(deep), sum(not header.deep for header in headers.values()))
    return Reading.of(settings, find_range(name, settings, known, counts))


def _common_format(
    name: str, paths: Sequence[str], headers: Mapping[int, Header], settings: ReadingConfig
) -> CommonFormat:
    found = {(header.height, header.width) for header in headers.values()}
    alike = len(found) == 1 and (settings.pages == "first" or all(header.one_size for header in headers.values()))
    return CommonFormat(found.pop() if alike else None, _common_channels(name, paths, headers, settings))


def _common_channels(name: str, paths: Sequence[str], headers: Mapping[int, Header], settings: ReadingConfig) -> int:
    if settings.channels is not None:
        return settings.channels
    example: dict[int, str] = {}
    for number, header in headers.items():
        example.setdefault(header.channels, paths[number])
    if len(example) == 1 or set(example) <= {1, 3}:
        return max(example)
    found = ", ".join(f"{channels} (as {shown(example[channels])})" for channels in sorted(example))
    least = min(example)
    raise DataError(
        f"the files of {name} differ in their channels: {found}; give --channels={least} to read the first {least} of "
        "each, or keep files of one kind."
    )


def _decode_all(
    pages: list[Page], shape: Shape, reading: Reading, broken: dict[str, Exception]
) -> tuple[list[int], Images, Counter[str]]:
    """Returns the indices of the pages that can be decoded, their images, and how often what was found odd."""
    fits = len(pages) * math.prod(shape) <= memory.MEMORY_LIMIT
    array = np.empty((len(pages) if fits else 0, *shape), np.uint8)

    def keep(row: int, picture: npt.NDArray[np.uint8]) -> None:
        if fits:
            array[row] = picture

    def decode(rows: list[int]) -> list[str | Exception]:
        if len(rows) == 1:
            page = pages[rows[0]]
            picture, note = pictures.decode_noted(page.path, shape, reading, page.number)
            keep(rows[0], picture)
            return [note]
        outcomes: list[str | Exception] = []
        numbers = [pages[row].number for row in rows]
        for row, outcome in zip(rows, pictures.decode_pages(pages[rows[0]].path, shape, reading, numbers), strict=True):
            if isinstance(outcome, Exception):
                outcomes.append(without_frames(outcome))
            else:
                keep(row, outcome[0])
                outcomes.append(outcome[1])
        return outcomes

    files = [list(rows) for _, rows in itertools.groupby(range(len(pages)), lambda row: pages[row].path)]
    decoded = try_all(decode, files, "decoding", broken, lambda rows: str(pages[rows[0]]))
    found: dict[int, str] = {}
    for rows, outcomes in zip(files, decoded, strict=True):
        for row, outcome in zip(rows, outcomes or (), strict=outcomes is not None):
            if isinstance(outcome, Exception):
                broken[str(pages[row])] = outcome
            else:
                found[row] = outcome
    kept = sorted(found)
    notes = Counter(note for note in found.values() if note)
    if fits:
        return kept, ArrayImages(array if len(kept) == len(pages) else array[kept]), notes
    again = functools.partial(decode_page, reading=reading)
    return kept, FileImages([pages[row] for row in kept], shape, again), notes
