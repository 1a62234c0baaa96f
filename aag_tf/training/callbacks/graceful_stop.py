"""Ends a run after the current step on Ctrl-C, SIGTERM or a lost terminal, with a whole checkpoint."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import keras
from typing_extensions import override

from aag_tf.training.step_range import StepRange


class GracefulStop(keras.callbacks.Callback):
    """Stops `fit` after the current step when the process receives a signal; a second Ctrl-C ends it at once.

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
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # SIGHUP only where it would end the process: `nohup` ignores it, so that the run goes on.
            hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else []
            for number in (signal.SIGINT, signal.SIGTERM, *hangup):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step = self.step_range.step(batch)
        if self.agree(self.received is not None):
            self.received = self.received or signal.SIGTERM  # where another machine received one
            self.model.stop_training = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
