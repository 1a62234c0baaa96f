"""The pages of image files: which of them are images, and what is said of files that have several."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from aag_tf.data import pictures
from aag_tf.data.formats.decoded import Header
from aag_tf.data.reading import Reading
from aag_tf.data.shapes import Shape
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


def warn_of_pages(name: str, paths: Sequence[str], headers: Sequence[Header], pages: str) -> None:
    """Names files of several pages in one line, and says which pages are read."""
    several = [(path, header.pages) for path, header in zip(paths, headers, strict=True) if header.pages > 1]
    if not several:
        return
    named = ", ".join(f"{shown(path)}: {count}" for path, count in several[:NAMED])
    more = f", and {len(several) - NAMED:,} more" if len(several) > NAMED else ""
    total = sum(count for _, count in several)
    advice = (
        "only the first of each is read; --pages=each makes every page an image"
        if pages == "first"
        else f"each of their {total:,} pages is an image (--pages=each), and pages of one file stay in one split"
    )
    logger.warning("%s has %s of several pages (%s%s): %s.", name, counted(len(several), "file"), named, more, advice)


def decode_page(page: Page, shape: Shape, reading: Reading) -> npt.NDArray[np.uint8]:
    """Decodes a page as an image; see `aag_tf.data.pictures.decode`."""
    return pictures.decode(page.path, shape, reading, page.number)


def decode_whole_page(page: Page, channels: int, reading: Reading) -> npt.NDArray[np.uint8]:
    """Decodes a page at its own size; see `aag_tf.data.pictures.decode_whole`."""
    return pictures.decode_whole(page.path, channels, reading, page.number)
