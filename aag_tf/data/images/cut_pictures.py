"""Opens image files whose views are cut from the pictures themselves, and decides whether they are."""

import functools

import numpy as np
import numpy.typing as npt

from aag_tf.config import ReadingConfig
from aag_tf.config.augment import CROPS_FROM
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.header_columns import Headers
from aag_tf.data.files.pages import Pages, decode_page, decode_whole_page
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.trying import try_all
from aag_tf.data.images.base import Images, Shape
from aag_tf.data.images.decoders import usable_decoders
from aag_tf.data.images.source_images import SourceImages

FROM_IMAGE, FROM_SOURCE = CROPS_FROM[1:]
# Times the pixels of a view. Of pictures that are only a little larger less is lost, and scaled once they may be kept
# in memory; but who has scaled pictures down for a pack has done it for this.
MUCH_LARGER, LARGER = 2, 1


def open_sources(
    pages: Pages, headers: Headers, shape: Shape, reading: Reading, broken: dict[str, Exception]
) -> tuple[npt.NDArray[np.int64], Images]:
    """Returns the rows of the pages that can be read, and images whose views are cut from their pictures.

    Only files whose end is missing are decoded, to see whether they are truncated.
    """
    whole = functools.partial(decode_whole_page, channels=shape[2], reading=reading)
    row_of_header = headers.rows(pages.files)
    doubtful = np.flatnonzero(~headers.column("ends")[row_of_header])
    fine = try_all(lambda row: whole(pages[row]).size, doubtful, "checking", broken, lambda row: str(pages[row]))
    readable = np.ones(len(pages), np.bool_)
    readable[doubtful[[found is None for found in fine]]] = False
    kept = np.flatnonzero(readable)
    files = pages.select(kept)
    # A member of a tar archive is not what TensorFlow would read by its path.
    named = np.fromiter((type(page.path) is str for page in files), np.bool_, len(files))
    decoder, channels, height, width = (
        headers.column(name)[row_of_header[kept]] for name in ("decoder", "channels", "height", "width")
    )
    pixels = height.astype(np.int64) * width
    usable = np.where(named, usable_decoders(decoder, channels, pixels, shape[2], reading), Decoder.PYTHON)
    scaled = functools.partial(decode_page, reading=reading)
    aspects = np.divide(width, height, dtype=np.float32)
    decoders = usable.astype(np.uint8)
    return kept, SourceImages(files, shape, scaled, whole, aspects=aspects, decoders=decoders, reading=reading)


def cuts(headers: Headers, shape: Shape, settings: ReadingConfig, crop_from: str) -> bool:
    """Whether views are cut from the pictures themselves.

    If that is left open, they are where most are much larger than views, and all are photographs: what is odd about
    others (bands, ranges, pages) is found as they are decoded, and should be said before training.
    """
    if crop_from != "auto":
        return crop_from == FROM_SOURCE
    odd = headers.column("deep") | (headers.column("channels") > 3) | (headers.column("pages") > 1)
    if settings.fit != "crop" or odd.any():
        return False
    return mostly_larger(headers.column("height").astype(np.int64) * headers.column("width"), shape)


def mostly_larger(pixels: npt.NDArray[np.integer], shape: Shape, times: int = MUCH_LARGER) -> bool:
    """Whether most pictures, of so many pixels each, have more than `times` the pixels of views of this shape."""
    return 2 * int((pixels > times * shape[0] * shape[1]).sum()) > len(pixels)
