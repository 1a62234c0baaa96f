"""Reads the headers of image files, or remembers them."""

import functools
from collections.abc import Sequence

from aag_tf.config import ReadingConfig
from aag_tf.data import pictures
from aag_tf.data.header_cache import HeaderCache
from aag_tf.data.pictures import Header
from aag_tf.data.reasons import reason
from aag_tf.data.trying import try_all
from aag_tf.utils.errors import DataError


def read_headers(
    name: str, paths: Sequence[str], settings: ReadingConfig, broken: dict[str, Exception]
) -> dict[int, Header]:
    """Returns the headers of those files that have one, by the number of their path.

    Args:
        name: of the data set, under which headers are remembered.
        paths: the files.
        settings: have the limit of pixels.
        broken: receives why others have none.
    """
    cache = HeaderCache.open(name, len(paths), settings.max_pixels)
    tried = try_all(functools.partial(_header, cache, settings), paths, "opening", broken)
    cache.save()
    return {number: header for number, header in enumerate(tried) if header is not None}


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
