"""Saves checkpoints at regular steps, at each new best kNN accuracy, and where the learning rate begins to fall."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from typing_extensions import override

from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.training.step_range import StepRange, is_due


class Checkpoints(keras.callbacks.Callback):
    """Saves the state of a run; as a writer it receives the kNN accuracy of a step from the monitor.

    Args:
        store: keeps the checkpoints.
        state: what a checkpoint holds.
        step_range: the steps of this `fit`.
        every: steps between checkpoints; the last step of a `fit` is always saved.
        keep: how many of the newest stay on disk, besides the one with the best kNN accuracy.
        constant_until: a step whose checkpoint stays too, or that of the last one before it; `None` for none.
        stride: steps from one call of this callback to the next, of which it only sees the last.
        check: called with the step before each save; raises where the state must not be kept.
        saved: called after each save.
    """

    def __init__(
        self,
        store: CheckpointStore,
        state: RunState,
        step_range: StepRange,
        *,
        every: int,
        keep: int,
        constant_until: int | None = None,
        stride: int = 1,
        check: Callable[[int], None],
        saved: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.store = store
        self.state = state
        self.step_range = step_range
        self.every = every
        self.keep = keep
        self.constant_until = constant_until
        self.stride = stride
        self.check = check
        self.saved = saved
        self.step = step_range.start_step
        self._last_saved = step_range.start_step
        self._best_accuracy = store.best_accuracy()
        self._measured: tuple[int, float] | None = None

    def write(self, record: Mapping[str, float]) -> None:
        """Notes a kNN accuracy for the checkpoint of its step."""
        if "knn_accuracy" in record:
            self._measured = int(record["step"]), float(record["knn_accuracy"])

    @override
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._measured is not None:  # only now, since that step's images could not be read before
            self.save()

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step = self.step_range.step(batch)
        accuracy = self._accuracy()
        is_best = accuracy is not None and (self._best_accuracy is None or accuracy >= self._best_accuracy)
        if is_best or self._ends_constant_phase() or is_due(self.step, self.every, self._last_saved):
            self.save()

    @override
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.step != self._last_saved:
            self.save()

    def save(self) -> None:
        """Writes a checkpoint of the current step and deletes old ones.

        Raises:
            TrainingError: the weights are not finite.
            OSError, tf.errors.OpError: it cannot be written; the checkpoints on disk stay as they are.
        """
        self.check(self.step)
        accuracy = self._accuracy()
        self.store.write(self.step, self.state.write, knn_accuracy=accuracy)
        self.store.prune(self.keep, keep_until=self.constant_until)
        self.saved()
        self._last_saved = self.step
        if accuracy is not None:
            self._best_accuracy = max(accuracy, self._best_accuracy or 0.0)

    def _ends_constant_phase(self) -> bool:
        """Whether the learning rate falls in the steps that come next, and not before."""
        return self.constant_until is not None and self.step <= self.constant_until < self.step + self.stride

    def _accuracy(self) -> float | None:
        """The kNN accuracy of the current step, where it was measured."""
        if self._measured is None or self._measured[0] != self.step:
            return None
        return self._measured[1]
