"""The pages of image files: which of them are images, and what is said of files that have several."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from aag_tf.data.files import pictures
from aag_tf.data.files.header_columns import Headers
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted, shown

NAMED = 3  # files with several pages that a warning names


class Page(NamedTuple):
    """A page of a file, from 0 on; `first.png` for the first, `stack.tif#page=2` for the next."""

    path: str
    number: int = 0

    def __str__(self) -> str:
        """Its name."""
        return self.path if self.number == 0 else f"{self.path}#page={self.number + 1}"

    @classmethod
    def named(cls, name: str) -> Self:
        """Returns the page of a name."""
        found = re.fullmatch(r"(.*)#page=([1-9]\d{0,6})", name, re.ASCII | re.DOTALL)
        return cls(name) if found is None else cls(found[1], int(found[2]) - 1)


class Pages(Sequence[Page]):
    """The pages that are images, some bytes each; a `Page` is made when it is asked for.

    Args:
        paths: of all files.
        files: int64 [n], number of the path of each page, ascending.
        numbers: int32 [n], of each page in its file.
    """

    def __init__(self, paths: Sequence[str], files: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32]) -> None:
        self.files = files
        self._paths = paths
        self._numbers = numbers

    @classmethod
    def of(cls, paths: Sequence[str], headers: Headers, which: str) -> Self:
        """Returns the pages of files that are images: the `first` of each, or `each`."""
        if which == "first":
            return cls(paths, headers.numbers, np.zeros(len(headers), np.int32))
        counts = headers.column("pages")
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        return cls(paths, np.repeat(headers.numbers, counts), (np.arange(counts.sum()) - starts).astype(np.int32))

    @override
    def __len__(self) -> int:
        return len(self.files)

    @override
    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return Pages(self._paths, self.files[row], self._numbers[row])
        return Page(self._paths[self.files[row]], int(self._numbers[row]))

    def select(self, rows: npt.NDArray[np.int64]) -> Self:
        """Returns some of them, int64 [k]."""
        return type(self)(self._paths, self.files[rows], self._numbers[rows])


def warn_of_pages(name: str, paths: Sequence[str], headers: Headers, pages: str) -> None:
    """Names files of several pages in one line, and says which pages are read."""
    counts = headers.column("pages")
    several = np.flatnonzero(counts > 1)
    if not len(several):
        return
    named = ", ".join(f"{shown(paths[headers.numbers[row]])}: {counts[row]}" for row in several[:NAMED])
    more = f", and {len(several) - NAMED:,} more" if len(several) > NAMED else ""
    total = counts[several].sum()
    advice = (
        "only the first of each is read; --pages=each makes every page an image"
        if pages == "first"
        else f"each of their {total:,} pages is an image (--pages=each), and pages of one file stay in one split"
    )
    logger.warning("%s has %s of several pages (%s%s): %s.", name, counted(len(several), "file"), named, more, advice)


def decode_page(page: Page, shape: Shape, reading: Reading) -> npt.NDArray[np.uint8]:
    """Decodes a page as an image; see `aag_tf.data.files.pictures.decode`."""
    return pictures.decode(page.path, shape, reading, page.number)


def decode_whole_page(page: Page, channels: int, reading: Reading) -> npt.NDArray[np.uint8]:
    """Decodes a page at its own size; see `aag_tf.data.files.pictures.decode_whole`."""
    return pictures.decode_whole(page.path, channels, reading, page.number)
