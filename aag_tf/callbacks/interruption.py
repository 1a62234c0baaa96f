"""Ctrl-C and SIGTERM end a run after the step in hand, so that the last checkpoint is whole and usable."""

import signal
import threading
from types import FrameType
from typing import Any

import keras


class Interruption(keras.callbacks.Callback):
    """Stops `fit` at the next step boundary when the process is asked to end; a second Ctrl-C ends it at once.

    `interrupted` tells afterwards whether that happened. Outside the main thread, where Python allows no signal
    handlers, it does nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.interrupted = False
        self._previous: dict[signal.Signals, Any] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes over the signals."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops where a signal has come."""
        if self.interrupted:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.interrupted = True
