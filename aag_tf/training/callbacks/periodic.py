"""Base class of callbacks that act at regular steps and at the end of a run."""

from collections.abc import Mapping
from typing import Any

import keras
from typing_extensions import override

from aag_tf.training.step_range import StepRange, is_due


class Periodic(keras.callbacks.Callback):
    """Calls `on_due` every `every` steps and at the last step of a run.

    Args:
        step_range: the steps of this `fit`.
        every: steps between two calls.

    Attributes:
        missed: whether the step that this `fit` starts at has not been acted on.
    """

    def __init__(self, step_range: StepRange, *, every: int) -> None:
        super().__init__()
        self.step_range = step_range
        self.every = every
        self.missed = False
        self.last_due = step_range.start_step
        self._earlier = self._done = 0  # steps of this `fit`: in earlier epochs, and so far

    @property
    def step(self) -> int:
        """Global step: steps done, those before this `fit` included."""
        return self.step_range.step(self._done - 1)

    @override
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.last_due, self._earlier, self._done = self.step_range.start_step, 0, 0
        if self.missed:
            self.missed = False
            self.on_due(self.step_range.start_step, {})

    @override
    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._earlier = self._done  # Keras counts batches anew in each epoch; a run of this package is one epoch

    @override
    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        in_epoch = (self.params or {}).get("steps")  # with several steps an execution, Keras counts beyond it
        self._done = self._earlier + (batch + 1 if in_epoch is None else min(batch + 1, in_epoch))
        step = self.step
        if is_due(step, self.every, self.last_due) or step >= self.step_range.total_steps > self.last_due:
            self.on_due(step, logs or {})
            self.last_due = step

    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        """Acts; called every `every` steps and at the last one.

        Args:
            step: global step.
            logs: metrics of the step.
        """
        raise NotImplementedError
