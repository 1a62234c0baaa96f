"""Runs functions in processes of their own, forked from one that has imported everything and used nothing.

TensorFlow takes five seconds to import, and a process that has used it, as the one of the tests has, cannot be forked.
"""

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 300.0  # seconds, so that a process that hangs fails its test and not the suite

_context = multiprocessing.get_context("forkserver")
# What processes of tests import; those that are not installed are passed over.
PRELOADED = (
    *("aag_tf.training.train", "aag_tf.commands.train", "aag_tf.evaluation.evaluate", "aag_tf.report"),
    *("aag_tf.packing.pack", "aag_tf.export.export", "aag_tf.export.embedding.embed", "aag_tf.export.search.search"),
    *("aag_tf.export.embedding.updating", "sklearn.datasets", "pyarrow.parquet", "faiss", "pytest"),
)
_context.set_forkserver_preload(list(PRELOADED))


class Process:
    """A function call that runs in a process of its own.

    Args:
        function: a function of a module, which the process imports.
        arguments: of the function.
        log: file that receives stderr.
        environment: variables that are set before the call.
    """

    def __init__(
        self, function: Callable[..., None], *arguments: Any, log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.log = log
        self._process = _context.Process(
            target=_call, args=(function, arguments, str(log), environment or {}), daemon=True
        )
        self._process.start()

    @property
    def messages(self) -> str:
        """Everything written to stderr so far."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def code(self) -> int | None:
        """Exit code; -N if signal N ended the process, None while it runs."""
        return self._process.exitcode

    @property
    def pid(self) -> int | None:
        """Process number."""
        return self._process.pid

    def send(self, signal: int) -> None:
        """Sends a signal to the process."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Waits until the condition holds; fails if the process ends before."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert self.code is None, f"ended with {self.code}: {self.messages}"
            assert time.monotonic() < until, self.messages
            time.sleep(0.02)

    def finish(self) -> int | None:
        """Waits for the end of the process and returns its exit code."""
        self._process.join(PATIENCE)
        if self.code is None:
            self.kill()
            raise AssertionError(f"did not end: {self.messages}")
        return self.code

    def kill(self) -> None:
        """Kills the process if it still runs."""
        self._process.kill()


def finish(processes: list[Process]) -> tuple[list[int | None], list[str]]:
    """Waits for all processes and returns their exit codes and messages; kills all if one hangs."""
    try:
        codes = [process.finish() for process in processes]
    finally:
        for process in processes:
            process.kill()
    return codes, [process.messages for process in processes]


def aag_train(*flags: str) -> None:
    """Runs `aag-train` as its console script does."""
    sys.argv = ["aag-train", *flags]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup the tests inherit it as ignored
    from aag_tf.commands import train

    train.run()


def _call(function: Callable[..., None], arguments: tuple[Any, ...], log: str, environment: dict[str, str]) -> None:
    gc.freeze()  # what was imported before stays, and need not be walked again and again
    os.environ.update(environment)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    function(*arguments)
