"""Errors a user can mend: each message is one sentence that says what was wrong, what is allowed and what to do."""


def one_line(error: Exception, most: int | None = None) -> str:
    """What an error says, on one line; where that is more than `most` characters, its beginning."""
    text = " ".join(str(error).split())
    return text if most is None or len(text) <= most else f"{text[:most]}..."


class AagError(Exception):
    """Something the user can mend; commands print its message alone and exit with 1."""

    exit_code = 1


class ConfigError(AagError, ValueError):
    """A setting is out of range or contradicts another; commands exit with 2."""

    exit_code = 2


class DataError(AagError):
    """A data set is missing, empty or not what it should be."""


class RunDirectoryError(AagError):
    """A run directory cannot be created, read or continued."""


class TrainingError(AagError):
    """A run cannot go on: its loss or its weights are no longer finite."""


class ExportError(AagError):
    """A SavedModel cannot be written, or is not one of ours."""


class EvaluationError(AagError):
    """Features or labels do not allow the asked-for evaluation."""


class EmbeddingError(AagError):
    """An output of bulk embedding cannot be written, continued or searched."""


class WorkerLostError(AagError):
    """Another machine of the run has ended or cannot be reached; commands exit with 3, the signal to start again."""

    exit_code = 3
