"""Where `evaluation.json` is written."""

import os
from pathlib import Path

from aag_tf.config import EvaluateConfig
from aag_tf.evaluation.saved_evaluation import is_evaluation
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.stores import file_to_write, named


def evaluation_path(config: EvaluateConfig) -> Path | None:
    """Returns the JSON file of an evaluation: `--output`, or that of the run directory; `None` where there is neither.

    Raises:
        EvaluationError: the file cannot be written, or is something other than an evaluation.
    """
    own = None if config.run_dir is None else RunDirectory(config.run_dir).evaluation
    path = own if config.output is None else file_to_write(config.output)
    if path is None:
        return None
    if config.output is None and not path.parent.is_dir():
        return path  # loading the run reports what is wrong with it
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise EvaluationError(f"{named(path)} cannot be written; name a file in a writable directory with --output.")
    # The file of the run itself may be damaged, and is replaced all the same.
    if path != own and path.exists() and path.stat().st_size > 0 and not is_evaluation(path):
        raise EvaluationError(f"{named(path)} exists and is no evaluation; name another file with --output.")
    return path
