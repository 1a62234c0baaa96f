"""Loads SavedModels, whoever made them: one that could do more than compute is refused, unless it is trusted.

A SavedModel is a program. Its operations can read and write files, call Python functions of the process, or run another
graph that is hidden in a string. `graph_operations` looks for them before anything of it runs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from aag_tf.runs.export_directory import MODEL_FILE
from aag_tf.runs.graph_operations import other_operations
from aag_tf.utils.errors import AagError, ExportError
from aag_tf.utils.literal import literal
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named

LARGEST = 2**30  # bytes of a graph; its weights lie in other files
MOST_NAMED = 5


def load_graph(directory: Path, *, damaged: Callable[[str], AagError], trust_model: bool = False) -> Any:
    """Loads a SavedModel with TensorFlow.

    Args:
        directory: holds `saved_model.pb`.
        damaged: the error to raise where TensorFlow cannot load it, of the name of what that raised.
        trust_model: whether it may do all that its user can.

    Raises:
        ExportError: it could do more than compute and is not trusted, or its graph is damaged or too large.
        AagError: `damaged`.
    """
    try:
        if not trust_model:
            check_computes_only(directory)
        elif found := operations_beyond_computing(directory):
            logger.warning(f"{named(directory)} is trusted: it can read and write your files ({_listed(found)}).")
        with literal(directory) as readable:
            return tf.saved_model.load(readable)
    except AagError:
        raise
    except Exception as error:  # TensorFlow raises many classes for a damaged file
        raise damaged(type(error).__name__) from error


def check_computes_only(directory: Path) -> None:
    """Refuses a SavedModel that could do more than compute.

    Raises:
        ExportError: it could, or its graph is damaged or too large.
    """
    found = operations_beyond_computing(directory)
    if found:
        raise ExportError(
            f"{named(directory)} can do more than compute, such as read and write files ({_listed(found)}): whoever "
            "made it could do by it what you can. If you trust them, add --trust_model (in Python, trust_model=True)."
        )


def operations_beyond_computing(directory: Path) -> list[str]:
    """Returns the operations of a SavedModel that do more than compute, sorted.

    Raises:
        ExportError: its graph is damaged or too large.
    """
    file = directory / MODEL_FILE
    size = file.stat().st_size
    if size > LARGEST:
        raise ExportError(
            f"{named(file)} has {size / 2**30:.1f} GiB and may have {LARGEST / 2**30:.0f}; export the model with its "
            "weights in variables."
        )
    try:
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except Exception as error:  # of protocol buffers
        raise ExportError(f"{named(file)} is damaged ({type(error).__name__}); export the model again.") from error
    return sorted(set().union(*map(other_operations, model.meta_graphs)))


def _listed(operations: list[str]) -> str:
    rest = len(operations) - MOST_NAMED
    named_ones = ", ".join(name[:60] for name in operations[:MOST_NAMED])
    return f"{named_ones} and {rest} more" if rest > 0 else named_ones
