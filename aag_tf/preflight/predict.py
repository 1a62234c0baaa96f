"""What `aag-predict` can refuse at once."""

from aag_tf.config import PredictConfig
from aag_tf.preflight import outputs
from aag_tf.preflight.embed import check_input
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import EmbeddingError

MANIFEST_FILE = "predictions.json"


def check(config: PredictConfig) -> None:
    """Checks the output, the classifier and the input."""
    check_output(config.output, resume=config.resume, overwrite=config.overwrite)
    version_directory(config.saved_model)
    check_input(config)


def check_output(path: str, *, resume: bool, overwrite: bool) -> None:
    """Checks that a run may use a directory, without changing it.

    Args:
        path: a path or an address.
        resume: whether to go on with what is there.
        overwrite: whether to replace it.

    Raises:
        EmbeddingError: as for `aag_tf.preflight.outputs.check_output`.
        StoreError: the store cannot be reached.
    """
    ways = {"resume": resume}
    outputs.check_output(path, MANIFEST_FILE, "aag-predict", EmbeddingError, ways, overwrite=overwrite)
