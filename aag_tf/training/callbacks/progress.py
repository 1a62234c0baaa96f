"""A progress bar with loss, images a second and time left on terminals and in notebooks; plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

import keras
from tqdm.auto import tqdm
from typing_extensions import override

from aag_tf.training.step_range import StepRange
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


class Progress(keras.callbacks.Callback):
    """Shows the progress of a run; as a writer it receives the metrics to show from the step log.

    Args:
        step_range: the steps of this `fit`.
        stream: gets a bar where it is a terminal or a notebook, else a line every half minute.
    """

    def __init__(self, step_range: StepRange, *, stream: TextIO | None = None) -> None:
        super().__init__()
        self.step_range = step_range
        self.stream = stream or sys.stderr
        self._bar: tqdm | None = None
        self._knn = ""
        self._last_line = -SECONDS_BETWEEN_LINES
        self._since = (time.monotonic(), step_range.start_step)  # a time, and the steps done by then

    @override
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._since = (time.monotonic(), self.step_range.start_step)
        if shows_bars(self.stream):
            total, done = self.step_range.total_steps, self.step_range.start_step
            self._bar = lasting_bar(None, total, "step", done=done, stream=self.stream)

    @override
    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The time left is estimated without the first execution, which compiles.
        if batch > 0 and self._since[1] == self.step_range.start_step:
            self._since = (time.monotonic(), self.step_range.step(batch - 1))

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar is not None:
            self._bar.update(self.step_range.step(batch) - self._bar.n)

    def close(self) -> None:
        """Closes the bar and leaves it on the screen."""
        if self._bar is not None:
            self._bar.close()

    @ignore_broken_output()
    def write(self, record: Mapping[str, float]) -> None:
        """Shows the newest metrics beside the bar, or prints a line."""
        if "knn_accuracy" in record:
            self._knn = f", kNN {record['knn_accuracy']:.1%}"
        if "loss" not in record:
            return
        metrics = f"loss {record['loss']:.3f}, {rate(record['images_per_second'], 'images')}{self._knn}"
        if self._bar is not None:
            self._bar.set_postfix_str(metrics, refresh=False)
            return
        now = time.monotonic()
        step = int(record["step"])
        is_due = now - self._last_line >= SECONDS_BETWEEN_LINES or step >= self.step_range.total_steps
        if is_due and progress_shown():
            self._last_line = now
            line = f"step {step:,} of {self.step_range.total_steps:,}: {metrics}{self._time_left(step, now)}"
            terminal.write(line, self.stream)

    def _time_left(self, step: int, now: float) -> str:
        """The time left, after a comma; empty at the end, and while only the execution that compiles is known."""
        began, start = self._since
        if step >= self.step_range.total_steps or start == self.step_range.start_step:
            return ""
        return f", {time_left((now - began) / (step - start) * (self.step_range.total_steps - step))}"
