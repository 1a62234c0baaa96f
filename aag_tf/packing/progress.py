"""Progress of packing: a bar on a terminal or in a notebook, a line every half minute in a log file."""

import sys
import time

from tqdm.auto import tqdm

from aag_tf.utils.log import logger
from aag_tf.utils.progress import (
    SECONDS_BETWEEN_LINES,
    ignore_broken_output,
    lasting_bar,
    progress_shown,
    rate,
    shows_bars,
    time_left,
)


class Progress:
    """Counts pictures; a context manager.

    Args:
        total: number of pictures.
    """

    def __init__(self, total: int) -> None:
        self.new = 0
        self._total, self._done, self._broken = total, 0, 0
        self._began = self._last_line = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> "Progress":
        """Opens the bar, on a terminal or in a notebook."""
        if shows_bars(sys.stderr):
            with ignore_broken_output():
                self._bar = lasting_bar("packing", self._total, "img", done=0, stream=sys.stderr)
        return self

    @ignore_broken_output()
    def __exit__(self, *_: object) -> None:
        """Closes the bar and leaves it on the screen."""
        if self._bar is not None:
            self._bar.close()

    @property
    def seconds(self) -> float:
        """Seconds since the start of this run."""
        return time.monotonic() - self._began

    @ignore_broken_output()
    def skip(self, pictures: int) -> None:
        """Counts pictures that were packed before."""
        self._done += pictures
        if self._bar is not None:
            self._bar.update(pictures)

    @ignore_broken_output()
    def update(self, *, broken: bool) -> None:
        """Counts a picture, packed or not."""
        self._done += 1
        self.new += 1
        if broken:
            self._broken += 1
            if self._bar is not None:
                self._bar.set_postfix_str(f"{self._broken:,} broken", refresh=False)
        if self._bar is not None:
            self._bar.update()
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES and progress_shown():
            self._last_line = time.monotonic()
            speed = self.new / self.seconds
            left = f", {time_left((self._total - self._done) / speed)}" if speed else ""
            logger.info(
                "%s of %s images: %s, %s broken%s",
                f"{self._done:,}",
                f"{self._total:,}",
                rate(speed, "images"),
                f"{self._broken:,}",
                left,
            )
