"""What the package says beside its results: warnings and notes, a line each on standard error.

They go to the logger `aag_tf` of Python's `logging`. `logging.getLogger("aag_tf")` takes other handlers, and a higher
level says less: `setLevel("WARNING")` leaves the warnings, `setLevel("ERROR")` nothing.
"""

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from aag_tf.utils import terminal

logger = logging.getLogger("aag_tf")


class StderrHandler(logging.Handler):
    """Prints messages to what `sys.stderr` is at the time; ignores an output that nobody reads.

    A message that is a text becomes one line; one of several lines is an object, such as `aag_tf.utils.text.Lines`.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        message = record.getMessage() if isinstance(record.msg, str) else record.msg
        with contextlib.suppress(OSError), tqdm.external_write_mode(file=sys.stderr):  # above a progress bar
            terminal.write(message)


if not logger.handlers:
    logger.addHandler(StderrHandler())
    # Handlers of the root are absl's or those of other packages, which would print every message a second time.
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


@contextlib.contextmanager
def held_back() -> Iterator[list[logging.LogRecord]]:
    """Says nothing inside the block; yields the list of what would have been said, for `say_now`."""
    records: list[logging.LogRecord] = []

    def hold(record: logging.LogRecord) -> bool:
        records.append(record)
        return False

    logger.addFilter(hold)
    try:
        yield records
    finally:
        logger.removeFilter(hold)


def say_now(records: Iterable[logging.LogRecord]) -> None:
    """Says what was held back."""
    for record in records:
        logger.handle(record)
