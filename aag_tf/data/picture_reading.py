"""Reads many image files as one set of images: each is tried once, broken ones are left out and named."""

import functools
import itertools
import math
import multiprocessing.pool
import os
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.config.augment import CROPS_FROM
from aag_tf.config.reading import read_range
from aag_tf.data import memory, pictures, sizes
from aag_tf.data.file_images import FileImages
from aag_tf.data.header_cache import HeaderCache
from aag_tf.data.images import ArrayImages, Images, Shape
from aag_tf.data.pages import Page, warn_of_pages
from aag_tf.data.pictures import Header
from aag_tf.data.reading import Reading
from aag_tf.data.reasons import reason
from aag_tf.data.skipped import Skipped, warn_of_skipped
from aag_tf.data.source_images import SourceImages
from aag_tf.data.value_range import Counts, Values, find_range, sample, say_unused, values_of_page
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.text import counted, shown

Item = TypeVar("Item")
Result = TypeVar("Result")

FILES_PER_TASK = 16
FROM_IMAGE, FROM_SOURCE = CROPS_FROM[1:]
MUCH_LARGER = 2  # times the pixels of a view: less is lost where pictures are only a little larger


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
    cache = HeaderCache.open(name, len(paths), settings.max_pixels)
    tried = _try_all(functools.partial(_header, cache, settings), paths, "opening", broken)
    cache.save()
    headers = {number: header for number, header in enumerate(tried) if header is not None}
    reading = _resolve(name, paths, headers, settings) if headers else Reading.of(settings)
    images: Images | None = None
    common: CommonFormat | None = None
    pages = _pages(paths, headers, settings)
    notes: Counter[str] = Counter()
    # Repeated if a file that could not be decoded was the only one of another size, or the only one in color.
    while pages and (found := _common_format(name, paths, headers, settings)) != common:
        common = found
        shape = (*sizes.target_size(common.size, config.image_size), common.channels)
        if _cuts(headers.values(), shape, settings, crop_from):
            kept, images = _open_sources(pages, headers, shape, reading, broken)
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

    found = _try_all(look, sample(deep), "sampling values of", {})
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
                outcomes.append(_without_frames(outcome))
            else:
                keep(row, outcome[0])
                outcomes.append(outcome[1])
        return outcomes

    files = [list(rows) for _, rows in itertools.groupby(range(len(pages)), lambda row: pages[row].path)]
    decoded = _try_all(decode, files, "decoding", broken, lambda rows: str(pages[rows[0]]))
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
    again = functools.partial(_decode_page, reading=reading)
    return kept, FileImages([pages[row] for row in kept], shape, again), notes


def _open_sources(
    pages: list[tuple[int, Page]],
    headers: Mapping[int, Header],
    shape: Shape,
    reading: Reading,
    broken: dict[str, Exception],
) -> tuple[list[int], Images]:
    """Returns the indices of the pages that can be read, and images whose views are cut from their pictures.

    Only files whose end is missing are decoded, to see whether they are truncated.
    """
    whole = functools.partial(_decode_whole, channels=shape[2], reading=reading)
    doubtful = [row for row, (number, _) in enumerate(pages) if not headers[number].ends]
    fine = _try_all(lambda row: whole(pages[row][1]).size, doubtful, "checking", broken, lambda row: str(pages[row][1]))
    lost = {row for row, found in zip(doubtful, fine, strict=True) if found is None}
    kept = [row for row in range(len(pages)) if row not in lost]
    files = [pages[row][1] for row in kept]
    # A page of a file, or of a tar archive, is not what TensorFlow would read by its path.
    plain = [headers[pages[row][0]].plain_jpeg and type(pages[row][1].path) is str for row in kept]
    decode = functools.partial(_decode_page, reading=reading)
    return kept, SourceImages(files, shape, decode, whole, np.array(plain, np.bool_))


def _cuts(headers: Collection[Header], shape: Shape, settings: ReadingConfig, crop_from: str) -> bool:
    """Whether views are cut from the pictures themselves.

    If that is left open, they are where most are much larger than views, and all are photographs: what is odd about
    others (bands, ranges, pages) is found as they are decoded, and should be said before training.
    """
    if crop_from != "auto":
        return crop_from == FROM_SOURCE
    if settings.fit != "crop" or any(header.deep or header.channels > 3 or header.pages > 1 for header in headers):
        return False
    larger = [header.height * header.width > MUCH_LARGER * shape[0] * shape[1] for header in headers]
    return 2 * sum(larger) > len(larger)


def _header(cache: HeaderCache, settings: ReadingConfig, path: str) -> Header:
    stamp, known = cache.find(path)
    if isinstance(known, Header):
        return known
    if known is not None:
        raise DataError(known)
    try:
        header = pictures.read_header(path, settings.max_pixels)
    except OSError as error:
        if error.errno is None:  # what Pillow raises for a damaged file, and not the disk
            cache.add(path, stamp, reason(error))
        raise
    except Exception as error:  # decoders raise many classes on broken files
        cache.add(path, stamp, reason(error))
        raise
    cache.add(path, stamp, header)
    return header


def _decode_whole(page: Page, channels: int, reading: Reading) -> npt.NDArray[np.uint8]:
    return pictures.decode_whole(page.path, channels, reading, page.number)


def _decode_page(page: Page, shape: Shape, reading: Reading) -> npt.NDArray[np.uint8]:
    return pictures.decode(page.path, shape, reading, page.number)


def _try_all(
    work: Callable[[Item], Result],
    items: Collection[Item],
    doing: str,
    broken: dict[str, Exception],
    name_of: Callable[[Item], str] = str,
) -> list[Result | None]:
    """Calls `work(item)` for every item in threads (decoders release the GIL); returns `None` where it fails."""

    def attempt(item: Item) -> Result | Exception:
        try:
            return work(item)
        except Exception as error:  # decoders raise many classes on broken files
            return _without_frames(error)

    # Decoders warn of odd metadata in files that they can read: one warning for each would hide everything else.
    with warnings.catch_warnings(), multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        quiet_decoders()
        outcomes = []
        with progress_bar(f"{doing} images", len(items), "file") as bar:
            for outcome in pool.imap(attempt, items, chunksize=FILES_PER_TASK):
                outcomes.append(outcome)
                bar.update()
        pool.close()
        pool.join()  # leaving the block would not wait for the threads to end
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, Exception):
            broken[name_of(item)] = outcome
    return [None if isinstance(outcome, Exception) else outcome for outcome in outcomes]


def _without_frames(error: Exception) -> Exception:
    """Drops the references to stack frames, which would keep the partly decoded pixels in memory."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def quiet_decoders() -> None:
    """Ignores what decoders warn of, inside `warnings.catch_warnings()`."""
    for module in ("PIL", "tifffile", "pydicom"):
        warnings.filterwarnings("ignore", module=rf"{module}\.")
