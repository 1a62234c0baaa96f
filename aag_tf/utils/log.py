"""What the package says beside its results: warnings and notes, a line each on standard error.

They go to the logger `aag_tf` of Python's `logging`. `logging.getLogger("aag_tf")` takes other handlers, and a higher
level says less: `setLevel("WARNING")` leaves the warnings, `setLevel("ERROR")` nothing.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator

from tqdm import tqdm

from aag_tf.utils.text import shown

logger = logging.getLogger("aag_tf")


class StderrHandler(logging.Handler):
    """Prints messages as they are, to what `sys.stderr` is at the time; ignores an output that nobody reads."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message; control characters of file names are escaped."""
        with contextlib.suppress(OSError):
            text = "\n".join(map(shown, record.getMessage().split("\n")))
            with tqdm.external_write_mode(file=sys.stderr):  # above a progress bar, and not into it
                print(text, file=sys.stderr, flush=True)


if not logger.handlers:
    logger.addHandler(StderrHandler())
    # Handlers of the root are absl's or those of other packages, which would print every message a second time.
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Says nothing inside the block."""
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
