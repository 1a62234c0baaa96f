"""Shared by all commands: one sentence and an exit code for a known error, and a quiet start of TensorFlow."""

import contextlib
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NoReturn, TextIO

from aag_tf.commands._advice import advised_by, advising_as
from aag_tf.utils import environment, terminal
from aag_tf.utils.errors import AagError
from aag_tf.utils.once import handing_on
from aag_tf.utils.quiet import quiet_start


def exit_code_of(number: signal.Signals) -> int:
    """Exit code that a shell reports for a process ended by a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


def say(text: str) -> None:
    """Prints a line to standard error; ignores an `OSError` where nobody reads it."""
    try:
        terminal.write(text)
    except OSError:
        _drop_rest(sys.stderr)


def tell(*results: object) -> None:
    """Prints results to standard output: a text on a line, others on the lines of their `__str__`."""
    for result in results:
        terminal.write(result, sys.stdout)


class _Terminated(BaseException):
    """SIGTERM came; raised so that files which were begun are removed, as after Ctrl-C."""


def run_command(name: str, main: Callable[[Sequence[str]], int], *, when_stopped: str = "") -> NoReturn:
    """Runs a command on `sys.argv` and exits with its code: 0; 1 or 2 for a known error; 130 or 143 after a signal.

    A closed standard output, as of `| head`, is no error, since `main` prints after all of its work.

    Args:
        name: of the command.
        main: takes the arguments, the command's name first, and returns the exit code.
        when_stopped: what a user who stopped it may want to know: what was kept, and how to go on.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may have letters that the terminal cannot show
    terminal.escape_what_python_prints()
    try:
        with advising_as(name), handing_on(), _sigterm_raises():
            code = main(sys.argv)
        sys.stdout.flush()  # here, so that a closed output is noticed here
    except AagError as error:
        say(f"{name}: {advised_by(str(error), name)}")
        code = error.exit_code
    except KeyboardInterrupt:
        say(f"{name}: stopped by Ctrl-C{when_stopped and f'; {when_stopped}'}.")
        code = exit_code_of(signal.SIGINT)
    except _Terminated:
        say(f"{name}: stopped by SIGTERM{when_stopped and f'; {when_stopped}'}.")
        code = exit_code_of(signal.SIGTERM)
    except BrokenPipeError:
        code = 0 if _reader_has_gone() else exit_code_of(signal.SIGPIPE)
        _drop_rest(sys.stdout)
    except OSError as error:  # of a disk or a directory, not handled closer to its cause
        place = "" if error.filename is None else f"{error.filename}: "
        say(f"{name}: {place}{error.strerror or error}; mend that and give the command again.")
        code = 1
    sys.exit(code)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Turns SIGTERM into an exception inside the block, where Python allows it."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _drop_rest(stream: TextIO) -> None:
    """Lets a stream that nobody reads write to nowhere, because Python ends with code 120 if it cannot flush it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe without a reader."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


@contextlib.contextmanager
def start_tensorflow() -> Iterator[None]:
    """Starts TensorFlow, and hides what it prints while the command's worker is imported inside this block.

    Raises:
        ConfigError: Keras refuses its configuration.
    """
    environment.tell(say)
    with quiet_start():
        environment.import_keras()  # first, because TensorFlow asserts some of what Keras explains
        import tensorflow as tf

        # Looks for GPUs now, so that the message about missing CUDA is hidden too.
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # leaves room for other commands beside a run
        yield
