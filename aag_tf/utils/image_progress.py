"""Progress of work on many images: a bar on a terminal or in a notebook, a line every half minute in a log file."""

import sys
import time
from types import TracebackType

from tqdm.auto import tqdm

from aag_tf.utils import terminal
from aag_tf.utils.progress import (
    SECONDS_BETWEEN_LINES,
    ignore_broken_output,
    lasting_bar,
    progress_shown,
    rate,
    shows_bars,
    time_left,
)


class ImageProgress:
    """Counts images; a context manager.

    Args:
        name: what the bar says, such as `embedding`.
        total: number of images of the whole input.
        done: number of images that an earlier run did.
    """

    def __init__(self, name: str, total: int, *, done: int = 0) -> None:
        self._name, self._before, self._total, self._done, self._broken = name, done, total, done, 0
        self._began = self._last_line = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> "ImageProgress":
        """Opens the bar, on a terminal or in a notebook."""
        if shows_bars(sys.stderr):
            with ignore_broken_output():
                self._bar = lasting_bar(self._name, self._total, "img", done=self._before, stream=sys.stderr)
        return self

    @ignore_broken_output()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the bar and leaves it on the screen."""
        if self._bar is not None:
            self._bar.close()

    @property
    def new(self) -> int:
        """Number of images that this run did."""
        return self._done - self._before

    @property
    def seconds(self) -> float:
        """Seconds since the start of this run."""
        return time.monotonic() - self._began

    @ignore_broken_output()
    def skip(self, images: int) -> None:
        """Counts images that an earlier run turns out to have done."""
        self._before += images
        self._done += images
        if self._bar is not None:
            self._bar.update(images)

    @ignore_broken_output()
    def update(self, images: int, broken: int) -> None:
        """Counts more images, `broken` of which could not be read."""
        self._done += images
        self._broken += broken
        if self._bar is not None:
            if broken:
                self._bar.set_postfix_str(f"{self._broken:,} broken", refresh=False)
            self._bar.update(images)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES and progress_shown():
            self._last_line = time.monotonic()
            speed = self.new / self.seconds
            left = self._total - self._done
            line = (
                f"{self._done:,} of {self._total:,} images: {rate(speed, 'images')}, {self._broken:,} broken"
                f"{', ' + time_left(left / speed) if left and speed else ''}"
            )
            terminal.write(line)
