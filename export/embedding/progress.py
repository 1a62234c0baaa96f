"""Progress of bulk embedding: a bar on a terminal, a line every half minute in a log file."""

import sys
import time
from types import TracebackType

import tqdm

from aag_tf.utils.progress import SECONDS_BETWEEN_LINES, ignore_broken_output, progress_shown, time_left


class Progress:
    """Counts images; a context manager.

    Args:
        done: number of images that an earlier run embedded.
        total: number of images of the whole input.
    """

    def __init__(self, done: int, total: int) -> None:
        self._before, self._total, self._done, self._failed = done, total, done, 0
        self._began = self._last_line = time.monotonic()
        self._bar: tqdm.tqdm | None = None

    def __enter__(self) -> "Progress":
        """Opens the bar, on a terminal."""
        if sys.stderr.isatty() and progress_shown():
            with ignore_broken_output():
                self._bar = tqdm.tqdm(
                    desc="embedding", initial=self._before, total=self._total, unit="img", dynamic_ncols=True
                )
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
            rate = (self._done - self._before) / self.seconds
            print(
                f"{self._done:,} of {self._total:,} images: {rate:,.0f} images/s, {self._failed:,} broken, "
                f"{time_left((self._total - self._done) / rate)}",
                file=sys.stderr,
                flush=True,
            )
