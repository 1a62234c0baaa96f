"""Errors that a user can fix: each message is a sentence that says what is wrong, what is allowed and what to do."""

import errno
import os

from aag_tf.utils.text import truncated

DISK_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
    errno.ESTALE,
    errno.EACCES,
    errno.EPERM,
)


def one_line(error: Exception, most: int | None = None) -> str:
    """Returns an error's message on one line, truncated to `most` characters."""
    text = " ".join(str(error).split())
    return text if most is None else truncated(text, most)


def disk_error(error: Exception) -> int | None:
    """Returns the number of the operating system's error behind an error; `None` for errors of other kinds.

    TensorFlow's own writers report it in their message only.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    return next((code for code in DISK_ERRORS if os.strerror(code) in str(error)), None)


def disk_reason(error: Exception) -> str | None:
    """Returns why a disk does not take or give a file, and which if that is known, as `No space left on device: a.npy`.

    Returns:
        The words of the operating system; `None` for errors of other kinds.
    """
    code = disk_error(error)
    if code is None:
        return None
    file = error.filename if isinstance(error, OSError) else None
    return os.strerror(code) if file is None else f"{os.strerror(code)}: {os.fspath(file)}"


def brief(value: object, most: int = 40) -> str:
    """Returns a value from a file of unknown origin as Python would write it, on one line, truncated."""
    return truncated(repr(value), most)


class AagError(Exception):
    """Base class of errors that the user can fix; commands print only the message and exit with 1."""

    exit_code = 1


class ConfigError(AagError, ValueError):
    """A setting is out of range or contradicts another; commands exit with 2."""

    exit_code = 2


class DataError(AagError):
    """A data set is missing, empty or invalid."""


class RunDirectoryError(AagError):
    """A run directory cannot be created, read or continued."""


class TrainingError(AagError):
    """A run cannot continue, because its loss or its weights are no longer finite."""


class ExportError(AagError):
    """A SavedModel cannot be written, or was not written by this package."""


class EvaluationError(AagError):
    """Features or labels do not allow the requested evaluation."""


class FinetuneError(AagError):
    """An encoder or labels do not allow fine-tuning, or its output cannot be written or resumed."""


class StoppedError(AagError):
    """Work was stopped by a signal and kept; commands exit with what a shell reports for that signal.

    Args:
        message: what was stopped, and how to go on.
        number: of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class EmbeddingError(AagError):
    """An output of bulk embedding cannot be written, resumed or searched."""


class PackError(AagError):
    """A pack cannot be written or resumed."""


class WorkerLostError(AagError):
    """Another machine of the run has ended or cannot be reached; commands exit with 3, which means: start again."""

    exit_code = 3
