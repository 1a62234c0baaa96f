"""Ctrl-C, SIGTERM and the loss of its terminal end a run after the step in hand, with a checkpoint that is whole."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import keras

from aag_tf.training.callbacks.step_range import StepRange


class GracefulStop(keras.callbacks.Callback):
    """Stops `fit` at the next step boundary when the process is asked to end; a second Ctrl-C ends it at once.

    The signals are its own inside `with GracefulStop() as graceful_stop:`, however that block ends. Outside the main
    thread, where Python allows no signal handlers, it does nothing.

    Args:
        step_range: the steps of this `fit`.
        agree: tells whether to stop from whether a signal has come; called after every step. On several machines it
            asks the others, so that all stop after the same one.

    Attributes:
        step: steps done.
        received: the signal that asked, if one has.
    """

    def __init__(self, step_range: StepRange, agree: Callable[[bool], bool] = bool) -> None:
        super().__init__()
        self.step_range = step_range
        self.step = step_range.start_step
        self.agree = agree
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Takes over the signals."""
        if threading.current_thread() is threading.main_thread():
            # A hangup only where it would end the process: `nohup` has it ignored, so that the run goes on.
            hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else []
            for number in (signal.SIGINT, signal.SIGTERM, *hangup):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops where a signal has come."""
        self.step = self.step_range.step(batch)
        if self.agree(self.received is not None):
            self.received = self.received or signal.SIGTERM  # where another machine was asked
            self.model.stop_training = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
