"""Looks at the headers of all pictures for what raw pixels must share before the first is stored: size and color."""

import concurrent.futures
import io
import itertools
import os
from typing import NamedTuple

from aag_tf.data import pictures
from aag_tf.packing.items import Item, ItemSource
from aag_tf.utils.progress import progress_bar

AT_ONCE = 256


class Survey(NamedTuple):
    """Height and width of all pictures (`None` if they differ), and the channels that keep the colors of all."""

    size: tuple[int, int] | None
    channels: int


def survey(source: ItemSource, threads: int | None) -> Survey:
    """Reads the header of every picture; those that cannot be read do not count.

    Args:
        source: of encoded pictures.
        threads: number of threads; `None` for one a CPU core.
    """
    sizes: set[tuple[int, int]] = set()
    gray = True
    with (
        concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool,
        progress_bar("looking at sizes", sum(source.splits.values()), "img") as bar,
    ):
        for split, count in source.splits.items():
            items = source.items(split, 0, count)
            while some := list(itertools.islice(items, AT_ONCE)):
                for header in filter(None, pool.map(_header, some)):
                    if len(sizes) < 2:
                        sizes.add((header.height, header.width))
                    gray &= header.gray
                bar.update(len(some))
    return Survey(sizes.pop() if len(sizes) == 1 else None, 1 if gray else 3)


def _header(item: Item) -> pictures.Header | None:
    try:
        picture = item.load()
        assert isinstance(picture, bytes)
        return pictures.read_header(io.BytesIO(picture))
    except Exception:  # said when it is packed
        return None
