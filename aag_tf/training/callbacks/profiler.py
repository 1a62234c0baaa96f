"""TensorFlow's profiler over a few steps, for TensorBoard's Profile page (`pip install tensorboard-plugin-profile`)."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.training.step_range import StepRange


class Profiler(keras.callbacks.Callback):
    """Traces host and devices from the first to the last step, both included, in whole executions.

    A run that is resumed between the two traces the steps that are left.

    Args:
        directory: of the event files; the trace goes to `plugins/profile` in it.
        first: the first step recorded, counted from 1.
        last: the last one.
        step_range: the steps of this `fit`.
    """

    def __init__(self, directory: Path, first: int, last: int, step_range: StepRange) -> None:
        super().__init__()
        self.directory = directory
        self.first = first
        self.last = last
        self.step_range = step_range
        self._recording = False

    @override
    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        last_of_execution = self.step_range.step(batch + self._steps_per_execution() - 1)
        if not self._recording and self.first <= last_of_execution and self.step_range.step(batch) <= self.last:
            tf.profiler.experimental.start(str(self.directory))
            self._recording = True

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.step_range.step(batch) >= self.last:
            self._stop()

    @override
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def _steps_per_execution(self) -> int:
        return int(getattr(self.model, "steps_per_execution", 1))

    def _stop(self) -> None:
        if self._recording:
            self._recording = False
            tf.profiler.experimental.stop()
