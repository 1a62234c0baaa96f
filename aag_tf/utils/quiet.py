"""Hides what TensorFlow prints while it starts, for the commands and for users of the library."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from aag_tf.utils.errors import AagError

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
WITHOUT_WARNINGS = "2"  # TensorFlow's C++ code then prints errors only


def quiet_tensorflow() -> None:
    """Imports TensorFlow without the lines that it prints meanwhile, and hides its warnings from then on.

    Call it first, since what TensorFlow prints at its import cannot be hidden later:

        import aag_tf
        aag_tf.quiet_tensorflow()
        import tensorflow as tf

    Errors are still shown, and so are the warnings of this package. Where the environment variable
    TF_CPP_MIN_LOG_LEVEL is 0 or 1, it changes nothing but imports TensorFlow.
    """
    with quiet_start():
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")  # now, so that the message about missing CUDA is hidden too
    if not _everything_wanted():
        tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hides what is written to standard error inside the block, in which TensorFlow starts; shows it if that fails.

    TensorFlow's C++ libraries write to the file descriptor before they read TF_CPP_MIN_LOG_LEVEL, so that no variable
    silences them. A user who sets that variable to 0 or 1 sees all output.
    """
    if _everything_wanted():
        yield
        return
    os.environ.setdefault(LEVEL, WITHOUT_WARNINGS)
    if sys.stderr is not None:  # as it is under pythonw
        sys.stderr.flush()
    descriptor = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
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


def _everything_wanted() -> bool:
    """Whether the user has asked for what TensorFlow prints."""
    return os.environ.get(LEVEL, WITHOUT_WARNINGS) not in ("2", "3")
