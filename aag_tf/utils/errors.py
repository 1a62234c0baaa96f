"""Errors that a user can fix: each message is a sentence that says what is wrong, what is allowed and what to do."""


def one_line(error: Exception, most: int | None = None) -> str:
    """Returns an error's message on one line, truncated to `most` characters."""
    text = " ".join(str(error).split())
    return text if most is None or len(text) <= most else f"{text[:most]}..."


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


class EmbeddingError(AagError):
    """An output of bulk embedding cannot be written, resumed or searched."""


class PackError(AagError):
    """A pack cannot be written or resumed."""


class WorkerLostError(AagError):
    """Another machine of the run has ended or cannot be reached; commands exit with 3, which means: start again."""

    exit_code = 3
