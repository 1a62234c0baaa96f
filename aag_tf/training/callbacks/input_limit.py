"""Says when a run waits for its input: what TensorBoard's `speed/data_wait_share` shows, with what helps."""

import os
import time
from collections.abc import Mapping

import psutil

from aag_tf.training.callbacks.tensorboard import TensorBoardWriter
from aag_tf.training.input_advice import Cores, InputOfRun
from aag_tf.utils.cpu import usable_cores
from aag_tf.utils.log import logger
from aag_tf.utils.text import Lines

# Of the time of steps, so that pauses for evaluations and checkpoints do not count. In the first seconds the pipeline
# fills its buffers, and tf.data finds out how many threads it needs.
WARM_UP_SECONDS = 10.0
WINDOW_SECONDS, WINDOW_STEPS = 20.0, 20
LIMIT = 0.3  # steps of a few milliseconds, as of small images on a GPU, wait for up to a quarter of their time


class InputLimit:
    """A writer that says once, in the terminal and as text in TensorBoard, that steps wait for their images.

    Args:
        events: receives TensorBoard's text `warnings`.
        input_of_run: knows what helps.
        global_batch_size: images of a step.
        start_step: steps done before the first record.
    """

    def __init__(
        self,
        events: TensorBoardWriter,
        input_of_run: InputOfRun,
        *,
        global_batch_size: int,
        start_step: int,
    ) -> None:
        self.events = events
        self.input_of_run = input_of_run
        self.global_batch_size = global_batch_size
        self._step = start_step
        self._left = WARM_UP_SECONDS
        self._said = False
        self._restart()

    def _restart(self) -> None:
        self._steps, self._seconds, self._waited, self._used = 0, 0.0, 0.0, 0.0
        self._since, self._others = time.monotonic(), _others()

    def write(self, record: Mapping[str, float]) -> None:
        """Adds the steps of one record, and looks at them when there are enough."""
        if self._said or "data_wait_share" not in record:
            return
        steps, self._step = int(record["step"]) - self._step, int(record["step"])
        seconds = steps * self.global_batch_size / record["images_per_second"]
        if self._left > 0:
            self._left -= seconds
            self._restart()
            return
        self._steps += steps
        self._seconds += seconds
        self._waited += seconds * record["data_wait_share"]
        self._used += seconds * record["cpu_cores_used"]
        if self._seconds < WINDOW_SECONDS or self._steps < WINDOW_STEPS:
            return
        share = self._waited / self._seconds
        if share >= LIMIT:
            self._said = True
            self._say(share, self._step)
        self._restart()

    def _say(self, share: float, step: int) -> None:
        others = (_others() - self._others) / (time.monotonic() - self._since)
        cores = Cores(self._used / self._seconds, max(0.0, others), usable_cores(), os.cpu_count() or 1)
        found = (
            f"input is the limit: until step {step:,}, steps waited {share:.0%} of {self._seconds:.0f} s for their "
            f"images (speed/data_wait_share). {cores.used:.1f} of {cores.usable:g} CPU cores were busy with it, "
            f"{self.input_of_run.cause(cores)}. What helps:"
        )
        text = Lines(found, *(f"- {each}" for each in self.input_of_run.advice(cores)))
        logger.warning(text)
        self.events.write_text("warnings", str(text), step=step)


def _others() -> float:
    """Seconds in which cores were busy with other processes than this one, or held by other virtual machines."""
    machine = psutil.cpu_times()
    busy = sum(getattr(machine, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    return busy - time.process_time()
