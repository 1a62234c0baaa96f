"""Counts the steps that TensorFlow has done, so that it is known where a call of several steps has failed."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from aag_tf.data.files.trying import without_frames
from aag_tf.data.images.python_calls import end_in_background
from aag_tf.utils.errors import one_line


class InputError(Exception):
    """The batch of a step could not be read; the model stands between two steps.

    Args:
        steps: of this `fit`, which the model has done.
        error: of TensorFlow.
    """

    def __init__(self, steps: int, error: Exception) -> None:
        super().__init__(f"the batch after step {steps} could not be read: {one_line(error, 200)}")
        self.steps = steps
        self.error = error


class StepCounter:
    """Counts steps whose batch has arrived, and steps that are done; between the two the weights may change.

    Callbacks cannot tell: they do not hear of a call that failed, and are themselves what may fail after it.
    """

    def __init__(self) -> None:
        self._iterator: Any = None  # of the data of this `fit`

    @functools.cached_property
    def _begun(self) -> tf.Variable:
        return _counter()

    @functools.cached_property
    def _done(self) -> tf.Variable:
        return _counter()

    def count_begun(self) -> tf.Tensor:
        """Counts a step whose batch has arrived; inside the train function."""
        return self._begun.assign_add(1, read_value=True)

    def count_done(self) -> None:
        """Counts a step whose weights are assigned; inside the train function."""
        self._done.assign_add(1)

    def reset(self) -> None:
        """Counts from 0 again, as a `fit` begins."""
        self._begun.assign(0)
        self._done.assign(0)

    @property
    def done(self) -> int:
        """Steps of this `fit` that are done."""
        return int(self._done.numpy())

    def end_input(self) -> None:
        """Ends the iterator of a `fit` that is over; see `end_in_background`."""
        if self._iterator is not None:
            end_in_background(self._iterator)
        self._iterator = None

    def watched(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Returns a train function that raises `InputError` where it failed between two steps."""

        @functools.wraps(function)
        def call(iterator: Any) -> Any:
            self._iterator = iterator
            try:
                return function(iterator)
            except tf.errors.OutOfRangeError:  # the end of the data, as Keras expects it
                raise
            except tf.errors.OpError as error:
                done = self.done
                if int(self._begun.numpy()) != done:
                    raise
                raise InputError(done, without_frames(error)) from None  # they keep what the iterator is made of

        return call


def _counter() -> tf.Variable:
    """Made when `fit` begins and not with the model, under whose strategy each replica would get one."""
    with tf.device("CPU:0"):
        return tf.Variable(0, dtype=tf.int64, trainable=False)
