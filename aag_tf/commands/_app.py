"""Shared by all commands: one sentence and an exit code for a known error, and a quiet start of TensorFlow."""

import contextlib
import io
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from aag_tf.utils import environment
from aag_tf.utils.errors import AagError
from aag_tf.utils.text import shown


def exit_code_of(number: signal.Signals) -> int:
    """Exit code that a shell reports for a process ended by a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


def say(text: str) -> None:
    """Prints text to standard error; ignores an `OSError` where nobody reads it."""
    with contextlib.suppress(OSError):
        print("\n".join(map(shown, text.split("\n"))), file=sys.stderr)


def run_command(name: str, main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs a command on `sys.argv` and exits with its code: 0, or 1 or 2 for a known error, or 130 after Ctrl-C.

    A closed standard output, as of `| head`, is no error, since `main` prints after all of its work.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may have letters that the terminal cannot show
    try:
        code = main(sys.argv)
        sys.stdout.flush()  # here, so that a closed output is noticed here
    except AagError as error:
        say(f"{name}: {error}")
        code = error.exit_code
    except KeyboardInterrupt:
        say(f"{name}: stopped by Ctrl-C.")
        code = exit_code_of(signal.SIGINT)
    except BrokenPipeError:
        code = 0 if _reader_has_gone() else exit_code_of(signal.SIGPIPE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # of a disk or a directory, not handled closer to its cause
        place = "" if error.filename is None else f"{error.filename}: "
        say(f"{name}: {place}{error.strerror or error}; mend that and give the command again.")
        code = 1
    sys.exit(code)


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe without a reader."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hides what TensorFlow prints while it is imported inside this block; shows it if the import fails.

    Its C++ libraries write to the file descriptor before they read TF_CPP_MIN_LOG_LEVEL, so that no variable silences
    them. A user who sets that variable (0 shows everything) sees all output.
    """
    environment.tell(say)
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        environment.import_keras()
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    descriptor = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow as tf

            # Looks for GPUs now, so that the message about missing CUDA is hidden too.
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)  # leaves room for other commands beside a run
            environment.import_keras()
            yield
        except AagError:  # says all by itself
            raise
        except BaseException:
            held.seek(0)
            os.write(descriptor, held.read())
            raise
        finally:
            os.dup2(descriptor, 2)
            os.close(descriptor)
