"""The number of channels that all pictures of a data set are read with."""

from collections.abc import Sequence

from aag_tf.config import ReadingConfig
from aag_tf.utils.errors import DataError


def common_channels(name: str, found: Sequence[int], settings: ReadingConfig) -> int:
    """Returns the channels of all images: those asked for, or those of all pictures; color if some are gray.

    Args:
        name: of the data set.
        found: numbers of channels that occur; at least one.
        settings: have `channels`.

    Raises:
        DataError: the pictures differ otherwise.
    """
    if settings.channels is not None:
        return settings.channels
    if len(found) == 1 or set(found) <= {1, 3}:
        return max(found)
    raise DataError(
        f"the pictures of {name} differ in their channels: {', '.join(map(str, found))}; give --channels={min(found)} "
        f"to read the first {min(found)} of each, or keep pictures of one kind."
    )
