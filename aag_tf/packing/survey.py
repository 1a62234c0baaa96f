"""Looks at all pictures for what they must share before the first is converted: size, channels, range of values."""

import concurrent.futures
import io
import itertools
import os
import warnings
from typing import NamedTuple

from aag_tf.config import ReadingConfig
from aag_tf.config.reading import read_range
from aag_tf.data.files import pictures, value_range
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.trying import quiet_decoders
from aag_tf.packing.items import Item, ItemSource
from aag_tf.utils.progress import progress_bar

AT_ONCE = 64  # pictures in memory


class Survey(NamedTuple):
    """What the headers of pictures say.

    Args:
        size: height and width of all; `None` if they differ.
        channels: numbers of channels that occur, ascending.
        reading: how all are read.
    """

    size: tuple[int, int] | None
    channels: list[int]
    reading: Reading


def survey(name: str, source: ItemSource, settings: ReadingConfig, threads: int | None) -> Survey:
    """Reads the header of every picture, and the values of a sample of the deep ones.

    Pictures that cannot be read do not count.

    Args:
        name: of the data set, for messages.
        source: of encoded pictures.
        settings: of reading.
        threads: number of threads; `None` for one a CPU core.

    Raises:
        DataError: all values of deep pictures are equal.
    """
    sizes: set[tuple[int, int]] = set()
    channels: set[int] = set()
    deep: list[tuple[str, int]] = []
    count = 0
    with (
        warnings.catch_warnings(),
        concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool,
        progress_bar("looking at sizes", sum(source.splits.values()), "img") as bar,
    ):
        quiet_decoders()
        for split, listed in source.splits.items():
            items = source.items(split, 0, listed)
            number = 0
            while some := list(itertools.islice(items, AT_ONCE)):
                for header in pool.map(lambda item: _header(item, settings.max_pixels), some):
                    if header is not None:
                        count += 1
                        channels.add(header.channels)
                        if len(sizes) < 2:
                            sizes.add((header.height, header.width))
                        if header.deep:
                            deep.append((split, number))
                    number += 1
                bar.update(len(some))
        values = _values(source, deep, settings, pool) if deep else []
    found = None
    if values:
        counts = value_range.Counts(len(deep), count - len(deep))
        found = value_range.find_range(name, settings, values, counts)
    size = sizes.pop() if len(sizes) == 1 else None
    return Survey(size, sorted(channels), Reading.of(settings, found))


def _values(
    source: ItemSource,
    deep: list[tuple[str, int]],
    settings: ReadingConfig,
    pool: concurrent.futures.ThreadPoolExecutor,
) -> list[value_range.Values]:
    """Returns the values of a sample of the deep pictures, in one more pass through the source."""
    wanted = [deep[place] for place in value_range.sample(range(len(deep)))]
    if read_range(settings.value_range) is not None:
        return []
    found: list[value_range.Values | None] = []
    for split in source.splits:
        numbers = {number for own, number in wanted if own == split}
        if numbers:
            first, last = min(numbers), max(numbers)
            items = enumerate(source.items(split, first, last + 1), first)
            chosen = [item for number, item in items if number in numbers]
            found += pool.map(lambda item: _values_of(item, settings.max_pixels), chosen)
    return [values for values in found if values is not None]


def _header(item: Item, max_pixels: int) -> pictures.Header | None:
    try:
        return pictures.read_header(_file(item), max_pixels)
    except Exception:  # said when it is packed
        return None


def _values_of(item: Item, max_pixels: int) -> value_range.Values | None:
    try:
        return value_range.values_of_page(pictures.decode_page(_file(item), max_pixels))
    except Exception:  # said when it is packed
        return None


def _file(item: Item) -> io.BytesIO:
    picture = item.load()
    assert isinstance(picture, bytes)
    return io.BytesIO(picture)
