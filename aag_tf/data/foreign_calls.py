"""Calls of Python by TensorFlow's threads, which an iterator must not be destroyed amid.

Destroying an iterator waits for its threads while it holds Python's lock; a thread that is about to call Python waits
for that lock. Neither ever goes on.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

QUIET = 0.1  # seconds without a call after which threads are taken to have no more to do


class ForeignCalls:
    """Counts calls, and ends them early once nobody wants their results."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._ended = 0
        self._unwanted = False

    def counted(
        self, function: Callable[[Argument], Result], unwanted: Callable[[Argument], Result]
    ) -> Callable[[Argument], Result]:
        """Returns `function`, counted, which gives what `unwanted` gives while `finish` waits."""

        def call(argument: Argument) -> Result:
            with self._lock:
                self._begun += 1
            try:
                return (unwanted if self._unwanted else function)(argument)
            finally:
                with self._lock:
                    self._ended += 1

        return call

    def finish(self) -> None:
        """Waits until all calls have ended and no more begin, since the buffers of the iterator are full."""
        self._unwanted = True
        try:
            before = -1
            while before != self._begun or self._begun != self._ended:
                before = self._begun
                time.sleep(QUIET)
        finally:
            self._unwanted = False
