"""Calls of Python by threads of `tf.data`, and the end of the iterators that make them.

Destroying an iterator waits for its threads, and a thread that calls Python waits for the interpreter's lock, which no
thread gets any more once Python has begun to end: an iterator that lived until then, in a cycle, a global or the
traceback of an error, would wait for ever. So all are ended before. Others wait less: the thread with which TensorFlow
tunes a pipeline misses that it is over, and looks again after up to a minute. So a run ends its iterators in the
background, and its process waits for that at its end only.
"""

import atexit
import functools
import gc
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

import tensorflow as tf

PATIENCE = 75.0  # seconds at exit: more than the minute that TensorFlow may take

_ending = threading.Event()
_threads: list[threading.Thread] = []  # that end iterators


def call_python(function: Callable[..., Any], arguments: Sequence[tf.Tensor], types: Any) -> Any:
    """`tf.numpy_function` for a function without side effects, whose iterators end before Python does."""
    end_iterators_at_exit()
    return tf.numpy_function(function, arguments, types, stateful=False)


def elements(dataset: tf.data.Dataset) -> Iterator[Any]:
    """Yields the elements of a data set, and ends its iterator in the background."""
    iterator = iter(dataset)
    try:
        yield from iterator
    finally:
        end_in_background(iterator)


def end_in_background(iterator: Any) -> None:
    """Ends an iterator of `tf.data` or `tf.distribute` that is no longer used, whoever still refers to it."""
    end_iterators_at_exit()
    parts = [dict(vars(iterator))]
    vars(iterator).clear()
    thread = threading.Thread(target=parts.clear, name="end of an iterator", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # Python 3.12 and later start no thread at exit
        parts.clear()
        return
    _threads[:] = [other for other in _threads if other.is_alive()] + [thread]


@functools.cache
def end_iterators_at_exit() -> None:
    """Ends the iterators of this process before Python begins to end; call it before `tf.data` gets to call Python."""
    atexit.register(_end_iterators)


def pause(seconds: float) -> bool:
    """Waits; returns whether there is nothing to wait for any more, since Python is about to end."""
    return _ending.wait(seconds)


def _end_iterators() -> None:
    _ending.set()
    iterators = list(_living(tf.data.Iterator, tf.distribute.DistributedIterator))
    for found in list(_living(TracebackType)):  # the frames of an error hold what iterators are made of
        traceback.clear_frames(found)
    while iterators:
        end_in_background(iterators.pop())
    until = time.monotonic() + PATIENCE
    for thread in _threads:
        thread.join(max(0.0, until - time.monotonic()))


def _living(*kinds: type) -> Iterator[Any]:
    """Yields the objects of some types, without asking objects for their class, which some answer by an import."""
    matches: dict[type, bool] = {}
    for found in gc.get_objects():
        own = type(found)
        if own not in matches:
            matches[own] = any(kind in own.__mro__ for kind in kinds)
        if matches[own]:
            yield found
