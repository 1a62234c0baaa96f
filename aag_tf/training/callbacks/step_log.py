"""Logs the metrics of a step, its learning rate and its speed at regular steps."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import override

from aag_tf.training.callbacks.memory import memory_in_use
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.step_range import StepRange
from aag_tf.training.train_function import DATA_WAIT
from aag_tf.training.writer import Writer


class StepLog(Periodic):
    """Hands `{step, epoch, loss, …, learning_rate, images_per_second, …}` to writers every `every` steps.

    `images_per_second` covers the steps since the last record, with their input and without other callbacks;
    `data_wait_share`, in [0, 1], is the share of that time in which steps waited for their batches, and
    `cpu_cores_used` the number of CPU cores that this process kept busy on average. The first execution, which also
    traces and compiles, counts in none of them: the first record states its time as `first_step_seconds`, unless that
    record covers this execution alone.

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
        self._began = self._began_cpu = 0.0
        self._first_seconds: float | None = None  # of the first execution, until a record states it
        self._restart(step_range.start_step)

    def _restart(self, step: int) -> None:
        """Starts counting time and steps anew."""
        self._since, self._seconds, self._cpu_seconds, self._waited = step, 0.0, 0.0, 0.0

    @override
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self._restart(self.step_range.start_step)

    @override
    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._began, self._began_cpu = time.perf_counter(), time.process_time()

    @override
    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._seconds += time.perf_counter() - self._began  # the step is over once Keras passes its metrics on
        self._cpu_seconds += time.process_time() - self._began_cpu
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        self._waited += metrics.pop(DATA_WAIT, 0.0)
        super().on_train_batch_end(batch, metrics)
        if self._since == self.step_range.start_step:  # the first execution, and no record was due
            self._first_seconds = self._seconds
            self._restart(self.step)

    @override
    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        images = (step - self._since) * self.global_batch_size
        record = {
            "step": step,
            "epoch": step / self.step_range.steps_per_epoch,
            **logs,
            "learning_rate": float(tf.convert_to_tensor(self.model.optimizer.learning_rate)),
            "images_per_second": images / self._seconds,
            "data_wait_share": self._waited / self._seconds,
            "cpu_cores_used": self._cpu_seconds / self._seconds,
            **memory_in_use(),
        }
        if self._first_seconds is not None:
            record["first_step_seconds"] = self._first_seconds
            self._first_seconds = None
        self._restart(step)
        for writer in self.writers:
            writer.write(record)
