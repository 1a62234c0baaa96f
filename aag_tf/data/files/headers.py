"""Reads the headers of image files, or remembers them."""

from collections.abc import Sequence

import numpy as np

from aag_tf.config import ReadingConfig
from aag_tf.data.files import header_cache, pictures
from aag_tf.data.files.header_cache import HeaderCache
from aag_tf.data.files.header_columns import HeaderColumns, Headers
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.stamps import stamps_of
from aag_tf.data.files.trying import try_all
from aag_tf.utils.errors import DataError


def read_headers(name: str, paths: Sequence[str], settings: ReadingConfig, broken: dict[str, Exception]) -> Headers:
    """Returns the headers of those files that have one, by the number of their path.

    Args:
        name: of the data set, under which headers are remembered.
        paths: the files.
        settings: have the limit of pixels.
        broken: receives why others have none, in the order of the files.
    """
    headers = HeaderColumns(len(paths))
    if len(paths) < header_cache.FEWEST:
        _read(paths, range(len(paths)), settings, headers, broken)
        return headers.headers()
    cache = HeaderCache.of(name, settings.max_pixels)
    stamps = stamps_of(paths)
    known = cache.recall(paths, stamps, headers)
    unknown = [number for number in np.flatnonzero(~headers.found).tolist() if number not in known]
    failed: dict[str, Exception] = {}
    _read(paths, unknown, settings, headers, failed)
    errors = {number: failed[paths[number]] for number in unknown if paths[number] in failed}
    new = [number for number in unknown if stamps[number, 0] >= 0 and _is_lasting(errors.get(number))]
    if new:
        cache.add(paths, stamps, np.array(new), headers, {number: reason(error) for number, error in errors.items()})
    errors |= {number: DataError(why) for number, why in known.items()}
    broken.update((paths[number], errors[number]) for number in sorted(errors))
    return headers.headers()


def _read(
    paths: Sequence[str],
    numbers: Sequence[int],
    settings: ReadingConfig,
    headers: HeaderColumns,
    broken: dict[str, Exception],
) -> None:
    def read(number: int) -> None:
        headers.put(number, pictures.read_header(paths[number], settings.max_pixels))

    try_all(read, numbers, "opening", broken, lambda number: paths[number])


def _is_lasting(error: Exception | None) -> bool:
    """Whether an error, or none, is of the file and not of the disk; Pillow's own have no number."""
    return not isinstance(error, OSError) or error.errno is None
