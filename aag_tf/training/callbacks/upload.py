"""Uploads metrics and events between two checkpoints, where the run directory is on a store."""

import time
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from aag_tf.runs import RunDirectory
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.step_range import StepRange

SECONDS_BETWEEN = 30.0  # at least, since a store has no appends and every file is written anew


class Upload(Periodic):
    """Uploads what a run has written.

    Args:
        directory: of the run.
        step_range: the steps of this `fit`.
        every: steps between two looks at the clock.
        seconds: between two uploads, at least.
    """

    def __init__(
        self, directory: RunDirectory, step_range: StepRange, *, every: int, seconds: float = SECONDS_BETWEEN
    ) -> None:
        super().__init__(step_range, every=every)
        self.directory = directory
        self.seconds = seconds
        self._last = time.monotonic()

    @override
    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        if time.monotonic() - self._last >= self.seconds:
            self.directory.push()
            self._last = time.monotonic()
