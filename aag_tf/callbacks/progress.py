"""A progress bar with loss, images a second and time left; plain lines where nobody watches a terminal."""

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

import keras
import tqdm

from aag_tf.bars import SECONDS_BETWEEN_LINES, time_left, watched_or_not
from aag_tf.callbacks.position import Span


class Progress(keras.callbacks.Callback):
    """Shows how far a run is; as a writer it takes the figures to show from the step log.

    Args:
        span: the steps of this `fit`.
        stream: where to show it; a bar on a terminal, a line every half minute elsewhere.
    """

    def __init__(self, span: Span, *, stream: TextIO | None = None) -> None:
        super().__init__()
        self.span = span
        self.stream = stream or sys.stderr
        self._bar: tqdm.tqdm | None = None
        self._knn = ""
        self._last_line = -SECONDS_BETWEEN_LINES
        self._since = (time.monotonic(), span.start_step)  # when how many steps were done, for the time left

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Opens the bar, on a terminal."""
        self._since = (time.monotonic(), self.span.start_step)
        if self.stream.isatty():
            self._bar = tqdm.tqdm(
                total=self.span.total_steps,
                initial=self.span.start_step,
                unit="step",
                file=self.stream,
                dynamic_ncols=True,
            )

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restarts the clock after the first execution, which compiles: those to come will not."""
        if batch > 0 and self._since[1] == self.span.start_step:
            self._since = (time.monotonic(), self.span.step(batch - 1))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(self.span.step(batch) - self._bar.n)

    def close(self) -> None:
        """Closes the bar and leaves it on the screen."""
        if self._bar is not None:
            self._bar.close()

    @watched_or_not()
    def write(self, record: Mapping[str, float]) -> None:
        """Shows the newest figures beside the bar, or prints a line."""
        if "knn_accuracy" in record:
            self._knn = f", kNN {record['knn_accuracy']:.1%}"
        if "loss" not in record:
            return
        figures = f"loss {record['loss']:.3f}, {record['images_per_second']:,.0f} images/s{self._knn}"
        if self._bar is not None:
            self._bar.set_postfix_str(figures, refresh=False)
            return
        now = time.monotonic()
        step = int(record["step"])
        if now - self._last_line >= SECONDS_BETWEEN_LINES or step >= self.span.total_steps:
            self._last_line = now
            began, start = self._since
            left = (now - began) / (step - start) * (self.span.total_steps - step)
            line = f"step {step:,} of {self.span.total_steps:,}: {figures}, {time_left(left)}"
            print(line, file=self.stream, flush=True)
