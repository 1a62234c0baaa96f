"""Progress of bulk embedding: a bar on a terminal or in a notebook, a line every half minute in a log file."""

import sys
import time
from types import TracebackType

from tqdm.auto import tqdm

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
    """Counts images; a context manager.

    Args:
        done: number of images that an earlier run embedded.
        total: number of images of the whole input.
    """

    def __init__(self, done: int, total: int) -> None:
        self._before, self._total, self._done, self._failed = done, total, done, 0
        self._began = self._last_line = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> "Progress":
        """Opens the bar, on a terminal or in a notebook."""
        if shows_bars(sys.stderr):
            with ignore_broken_output():
                self._bar = lasting_bar("embedding", self._total, "img", done=self._before, stream=sys.stderr)
        return self

    @ignore_broken_output()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the bar and leaves it on the screen."""
        if self._bar is not None:
            self._bar.close()

    @property
    def seconds(self) -> float:
        """Seconds since the start of this run."""
        return time.monotonic() - self._began

    @ignore_broken_output()
    def update(self, images: int, failed: int) -> None:
        """Counts more images, `failed` of which could not be embedded."""
        self._done += images
        self._failed += failed
        if self._bar is not None:
            if failed:
                self._bar.set_postfix_str(f"{self._failed:,} broken", refresh=False)
            self._bar.update(images)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES and progress_shown():
            self._last_line = time.monotonic()
            speed = (self._done - self._before) / self.seconds
            left = self._total - self._done
            line = (
                f"{self._done:,} of {self._total:,} images: {rate(speed, 'images')}, {self._failed:,} broken"
                f"{', ' + time_left(left / speed) if left and speed else ''}"
            )
            print(line, file=sys.stderr, flush=True)
