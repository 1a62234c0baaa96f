"""Ends a run after the current step on Ctrl-C, SIGTERM or a lost terminal, with a whole checkpoint."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import keras
from typing_extensions import override

from aag_tf.training.step_range import StepRange
from aag_tf.utils import terminal
from aag_tf.utils.text import Lines

SENT_TWICE = 1.0  # seconds within which a scheduler may send SIGTERM to a process and again to its group
PATIENCE = 1.0  # seconds that a second signal leaves Python to end by itself
END_OF_WATCH = b"\0"  # no signal has this number


class GracefulStop(keras.callbacks.Callback):
    """Stops `fit` after the current step when the process receives a signal; a second one ends it at once.

    Each signal is acknowledged at once on standard error, also inside of a step: Python itself handles signals only
    when TensorFlow returns. A second Ctrl-C or SIGTERM raises `KeyboardInterrupt`; if a long step holds that up, it
    ends the process, except in a notebook or an interactive session.

    It handles the signals inside `with GracefulStop(...) as graceful_stop:` and restores the earlier handlers after.
    Outside the main thread, where Python allows no signal handlers, it does nothing.

    Args:
        step_range: the steps of this `fit`.
        agree: maps whether a signal has come to whether to stop; called after every step. On several machines it asks
            the others, so that all stop after the same step.

    Attributes:
        step: global step.
        received: the signal, if one has come.
    """

    def __init__(self, step_range: StepRange, agree: Callable[[bool], bool] = bool) -> None:
        super().__init__()
        self.step_range = step_range
        self.step = step_range.start_step
        self.agree = agree
        self.received: signal.Signals | None = None
        self._received_at = 0.0
        self._previous: dict[signal.Signals, Any] = {}
        self._closing = contextlib.ExitStack()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # SIGHUP only where it would end the process: `nohup` ignores it, so that the run goes on.
            hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else []
            self._watch()
            for number in (signal.SIGINT, signal.SIGTERM, *hangup):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._closing.close()
        self._previous.clear()

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step = self.step_range.step(batch)
        if self.agree(self.received is not None):
            self.received = self.received or signal.SIGTERM  # where another machine received one
            self.model.stop_training = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._is_again(number, self.received, self._received_at):
            raise KeyboardInterrupt
        if self.received is None:
            self.received, self._received_at = signal.Signals(number), time.monotonic()

    @staticmethod
    def _is_again(number: int, first: int | None, since: float) -> bool:
        """Whether a signal is a second wish to end, and not the first one sent twice."""
        repeated = number == signal.SIGTERM and time.monotonic() - since < SENT_TWICE
        return first is not None and number != signal.SIGHUP and not repeated

    def _watch(self) -> None:
        """Starts the thread that acknowledges signals; Python writes the number of each to a pipe as it comes."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        thread = threading.Thread(target=self._acknowledge, args=(reader,), name="signals", daemon=True)
        self._ended.clear()
        thread.start()

        def end() -> None:
            signal.set_wakeup_fd(previous)
            self._ended.set()
            os.write(writer, END_OF_WATCH)
            thread.join()
            os.close(reader)
            os.close(writer)

        self._closing.callback(end)

    def _acknowledge(self, reader: int) -> None:
        """Says what each signal does; ends the process at the second one."""
        first, since = None, 0.0
        while (byte := os.read(reader, 1)) not in (b"", END_OF_WATCH):
            if byte[0] not in self._previous:  # a signal that others handle
                continue
            name = "Ctrl-C" if byte[0] == signal.SIGINT else signal.Signals(byte[0]).name
            if first is None:
                first, since = byte[0], time.monotonic()
                _tell(f"{name}: finishing step {self.step + 1:,} and saving it; {name} again stops at once.")
            elif self._is_again(byte[0], first, since):
                _tell(f"{name}: stopping at once; a checkpoint that was saved before stays intact.")
                if not self._ended.wait(PATIENCE) and not _is_interactive():
                    os._exit(128 + byte[0])  # nothing is lost that `kill -9` would not lose


def _is_interactive() -> bool:
    """Whether the process is a notebook's or a person's session, which must not end."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def _tell(text: str) -> None:
    """Prints a line below a progress bar; ignores an output that nobody reads."""
    with contextlib.suppress(OSError):
        terminal.write(Lines("", text))
