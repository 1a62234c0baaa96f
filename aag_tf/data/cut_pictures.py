"""Opens image files whose views are cut from the pictures themselves, and decides whether they are."""

import functools
from collections.abc import Collection, Mapping

import numpy as np

from aag_tf.config import ReadingConfig
from aag_tf.config.augment import CROPS_FROM
from aag_tf.data.images import Images, Shape
from aag_tf.data.pages import Page, decode_page, decode_whole_page
from aag_tf.data.pictures import Header
from aag_tf.data.reading import Reading
from aag_tf.data.source_images import SourceImages
from aag_tf.data.trying import try_all

FROM_IMAGE, FROM_SOURCE = CROPS_FROM[1:]
MUCH_LARGER = 2  # times the pixels of a view: less is lost where pictures are only a little larger


def open_sources(
    pages: list[tuple[int, Page]],
    headers: Mapping[int, Header],
    shape: Shape,
    reading: Reading,
    broken: dict[str, Exception],
) -> tuple[list[int], Images]:
    """Returns the indices of the pages that can be read, and images whose views are cut from their pictures.

    Only files whose end is missing are decoded, to see whether they are truncated.
    """
    whole = functools.partial(decode_whole_page, channels=shape[2], reading=reading)
    doubtful = [row for row, (number, _) in enumerate(pages) if not headers[number].ends]
    fine = try_all(lambda row: whole(pages[row][1]).size, doubtful, "checking", broken, lambda row: str(pages[row][1]))
    lost = {row for row, found in zip(doubtful, fine, strict=True) if found is None}
    kept = [row for row in range(len(pages)) if row not in lost]
    files = [pages[row][1] for row in kept]
    # A page of a file, or of a tar archive, is not what TensorFlow would read by its path.
    plain = [headers[pages[row][0]].plain_jpeg and type(pages[row][1].path) is str for row in kept]
    return kept, SourceImages(
        files, shape, functools.partial(decode_page, reading=reading), whole, np.array(plain, np.bool_)
    )


def cuts(headers: Collection[Header], shape: Shape, settings: ReadingConfig, crop_from: str) -> bool:
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
