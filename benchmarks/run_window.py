"""Measures a window of a real training run: steps, waiting, processor time, and how busy a GPU is."""

import json
import shutil
import subprocess
import time
from typing import Any

import keras
import psutil
from benchmark_tools import Row
from interpreter_lock import LockSampling

from aag_tf.training.train_function import DATA_WAIT

NVIDIA_SMI = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "500")


class RunWindow(keras.callbacks.Callback):
    """Measures the steps of some seconds after a warm-up, then stops the run; `row` has the result.

    Args:
        warm_up: seconds after the first execution that do not count: buffers fill and empty, and threads are tuned.
        seconds: that count.
        images: of a step.
        py_spy: the program that samples which thread holds Python's lock, after these seconds; `None` for none.
    """

    def __init__(self, *, warm_up: float, seconds: float, images: int, py_spy: str | None = None) -> None:
        super().__init__()
        self.warm_up, self.seconds, self.images, self.py_spy = warm_up, seconds, images, py_spy
        self.row: Row = {}
        self._executed: float | None = None  # when the first execution was over
        self._began: float | None = None
        self._steps, self._waited, self._cpu = 0, 0.0, 0.0
        self._gpu: subprocess.Popen[str] | None = None
        self._sampling: LockSampling | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        if self._executed is None:
            self._executed = now
        elif self._sampling is not None:
            self.model.stop_training = not self._sampling.goes_on()
        elif self._began is None:
            if now - self._executed >= self.warm_up:
                self._gpu = gpu_sampler()
                self._began, self._cpu = time.perf_counter(), cpu_seconds()
        else:
            self._steps += 1
            self._waited += float((logs or {})[DATA_WAIT])
            if now - self._began >= self.seconds:
                self._finish(now - self._began)

    def _finish(self, seconds: float) -> None:
        self.row = {
            "steps": self._steps,
            "seconds": round(seconds, 2),
            "images_per_second": round(self._steps * self.images / seconds, 1),
            "step_ms": round(1000 * seconds / self._steps, 1),
            "data_wait_share": round(self._waited / seconds, 3),
            "cores_used": round((cpu_seconds() - self._cpu) / seconds, 2),
            "gpu_busy_share": busy_share(self._gpu),
        }
        if self.py_spy is None:
            self.model.stop_training = True
            return
        self._sampling = LockSampling(self.py_spy, max(1, round(self.seconds / 3)))

    def python_share(self) -> float | None:
        """Share of the time in which a thread held Python's lock; `None` if py-spy was not there or failed."""
        share = self._sampling.share() if self._sampling else None
        return None if share is None else round(share, 3)


def cpu_seconds() -> float:
    """Processor time of this process, all its threads and its living children."""
    tree = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(times.user + times.system for times in (process.cpu_times() for process in tree))


def gpu_sampler() -> subprocess.Popen[str] | None:
    """Starts a program that prints how busy each GPU is, twice a second; `None` without NVIDIA's tools."""
    if shutil.which(NVIDIA_SMI[0]) is None:
        return None
    return subprocess.Popen(NVIDIA_SMI, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def busy_share(sampler: subprocess.Popen[str] | None) -> float | None:
    """Ends a sampler; returns the mean of what it printed, a share in [0, 1], or `None` for nothing."""
    if sampler is None:
        return None
    sampler.terminate()
    printed = sampler.communicate()[0]
    values = [float(line) for line in printed.splitlines() if line.strip().isdecimal()]
    return round(sum(values) / len(values) / 100, 3) if values else None


def print_row(window: RunWindow) -> None:
    """Prints what a window measured as the last line, for `benchmark_tools.run_for_json`."""
    print(json.dumps({**window.row, "python_share": window.python_share()}))
