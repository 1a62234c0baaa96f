"""Files of a data set that cannot be read: how they are told, and how one run remembers what was told before.

The files known from before are a context variable, since they would otherwise be an argument of every reader.
"""

import contextlib
import contextvars
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from aag_tf.utils.log import logger
from aag_tf.utils.stores import named
from aag_tf.utils.text import shown

NAMED_FILES = 5  # broken files that the warning names

Skipped = Mapping[str, str]  # path of a file: why it cannot be read

_known: contextvars.ContextVar[Collection[str]] = contextvars.ContextVar("files that were named before", default=())


@contextlib.contextmanager
def skipped_before(files: Collection[str]) -> Iterator[None]:
    """Does not name files again, inside the block, that an earlier command of the same run has named."""
    before = _known.set(frozenset(files))
    try:
        yield
    finally:
        _known.reset(before)


def warn_of_skipped(name: str, skipped: Skipped, total: int) -> None:
    """Logs which files of a data set were skipped; those that were named before are only counted.

    Args:
        name: of the data set.
        skipped: the files.
        total: number of files, the skipped ones included.
    """
    known = [path for path in skipped if path in _known.get()]
    new = {path: why for path, why in skipped.items() if path not in _known.get()}
    if known:
        logger.info("%d of %d image files of %s are skipped as in training.", len(known), total, name)
    if new:
        examples = "; ".join(shown(f"{named(path)}: {why}") for path, why in list(new.items())[:NAMED_FILES])
        more = f"; and {len(new) - NAMED_FILES} more" if len(new) > NAMED_FILES else ""
        logger.warning("skipped %d of %d image files of %s: %s%s", len(new), total, name, examples, more)


def counted_by_reason(skipped: Skipped) -> str:
    """Returns how many files were skipped and why, such as `3 (2 not a picture in a known format, 1 truncated)`."""
    reasons = Counter(skipped.values()).most_common()
    listed = [f"{count:,} {why}" for why, count in reasons[:NAMED_FILES]]
    others = sum(count for _, count in reasons[NAMED_FILES:])
    return f"{len(skipped):,} ({', '.join([*listed, *([f'{others:,} others'] if others else [])])})"
