"""Functions in processes of their own, which fork from one that has imported everything and used nothing.

TensorFlow takes five seconds to import and cannot be forked once it has been used; the tests' own process has used it.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 300.0  # seconds; what hangs must fail its test and not the suite

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["aag_tf.training.train", "aag_tf.commands.train", "sklearn.datasets"])


class Process:
    """A call that is under way in a process of its own.

    Args:
        function: what is called; of a module, so that the process can find it.
        arguments: what with.
        log: file that takes what it writes to stderr.
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
        """What it has written to stderr so far."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def code(self) -> int | None:
        """Its exit code, -N where signal N ended it; None while it runs."""
        return self._process.exitcode

    def send(self, signal: int) -> None:
        """Sends it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Returns once the condition holds, which must be before the process ends."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert self.code is None, f"ended with {self.code}: {self.messages}"
            assert time.monotonic() < until, self.messages
            time.sleep(0.02)

    def finish(self) -> int | None:
        """Waits for its end and returns its exit code."""
        self._process.join(PATIENCE)
        if self.code is None:
            self.kill()
            raise AssertionError(f"did not end: {self.messages}")
        return self.code

    def kill(self) -> None:
        """Ends it, if it still runs."""
        self._process.kill()


def finish(processes: list[Process]) -> tuple[list[int | None], list[str]]:
    """Exit codes and messages of all; where one hangs, none is left."""
    try:
        codes = [process.finish() for process in processes]
    finally:
        for process in processes:
            process.kill()
    return codes, [process.messages for process in processes]


def aag_train(*flags: str) -> None:
    """The command, as its console script calls it."""
    sys.argv = ["aag-train", *flags]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which the tests may have inherited as ignored
    from aag_tf.commands import train

    train.run()


def _call(function: Callable[..., None], arguments: tuple[Any, ...], log: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    function(*arguments)
