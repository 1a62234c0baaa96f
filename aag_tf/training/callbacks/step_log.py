"""Every so many steps: what a step reported, with its learning rate and speed, handed to each writer."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from aag_tf.training.callbacks.memory import memory_in_use
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.callbacks.step_range import StepRange
from aag_tf.training.train_function import DATA_WAIT


class Writer(Protocol):
    """Takes one record of a run: `step` and the figures measured there."""

    def write(self, record: Mapping[str, float]) -> None:
        """Keeps or shows the record."""


class StepLog(Periodic):
    """Hands `{step, epoch, loss, …, learning_rate, images_per_second, …}` to writers every `every` steps.

    The speed is that of the steps since the last record, input included and other callbacks left out;
    `data_wait_share`, in [0, 1], is the part of that time in which the step waited for its batch. The first execution,
    which also traces and compiles, is counted in neither: the first record has its time as `first_step_seconds`,
    unless that record is of this execution alone.

    Args:
        writers: receive each record, in order.
        step_range: the steps of this `fit`.
        every: steps between two records; the last step of a run is always recorded.
        global_batch_size: images in one step, all replicas together.
    """

    def __init__(
        self,
        writers: Sequence[Writer],
        step_range: StepRange,
        *,
        every: int,
        global_batch_size: int,
    ) -> None:
        super().__init__(step_range, every=every)
        self.writers = writers
        self.global_batch_size = global_batch_size
        self._began = 0.0
        self._first_seconds: float | None = None  # of the first execution, until a record has it
        self._restart(step_range.start_step)

    def _restart(self, step: int) -> None:
        """Counts time, and steps, from here."""
        self._since, self._seconds, self._waited = step, 0.0, 0.0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins to count."""
        super().on_train_begin(logs)
        self._restart(self.step_range.start_step)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Stops the clock, since the step is over once Keras hands over its figures."""
        self._seconds += time.perf_counter() - self._began
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self._waited += figures.pop(DATA_WAIT, 0.0)
        super().on_train_batch_end(batch, figures)
        if self._since == self.step_range.start_step:  # the first execution, and no record was due
            self._first_seconds = self._seconds
            self._restart(self.step)

    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        """Writes a record."""
        images = (step - self._since) * self.global_batch_size
        record = {
            "step": step,
            "epoch": step / self.step_range.steps_per_epoch,
            **logs,
            "learning_rate": float(tf.convert_to_tensor(self.model.optimizer.learning_rate)),
            "images_per_second": images / self._seconds,
            "data_wait_share": self._waited / self._seconds,
            **memory_in_use(),
        }
        if self._first_seconds is not None:
            record["first_step_seconds"] = self._first_seconds
            self._first_seconds = None
        self._restart(step)
        for writer in self.writers:
            writer.write(record)
