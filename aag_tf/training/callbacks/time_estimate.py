"""Says how long a run will take, once its first steps show it."""

import datetime
import time
from typing import Any

import keras
from typing_extensions import override

from aag_tf.training.step_range import StepRange
from aag_tf.utils.log import logger
from aag_tf.utils.progress import about, progress_shown

MEASURED_SECONDS = 5.0  # after the first execution, which also traces and compiles

now = datetime.datetime.now


class TimeEstimate(keras.callbacks.Callback):
    """Logs one line, such as `About 12 minutes, until 21:40.`; nothing for a run that ends before it could be known.

    Args:
        step_range: the steps of this `fit`.
    """

    def __init__(self, step_range: StepRange) -> None:
        super().__init__()
        self.step_range = step_range
        self._since: tuple[float, int] | None = None  # the end of the first execution, and the steps done by then
        self._said = False

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._said:
            return
        at, step = time.monotonic(), self.step_range.step(batch)
        if self._since is None:
            self._since = (at, step)
            return
        began, first = self._since
        if at - began >= MEASURED_SECONDS:
            self._said = True
            left = (at - began) / (step - first) * (self.step_range.total_steps - step)
            end = now() + datetime.timedelta(seconds=left)
            if progress_shown() and left >= MEASURED_SECONDS:
                logger.info("%s, until %s.", about(left), _shown(end))


def _shown(end: datetime.datetime) -> str:
    """The time, with the day where it is not today."""
    return f"{end:%H:%M}" if end.date() == now().date() else f"{end:%A, %d %B, %H:%M}"
