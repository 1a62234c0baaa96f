"""What `aag-pack` can refuse at once."""

from aag_tf.config import PackConfig
from aag_tf.data.pack.files import MANIFEST_FILE
from aag_tf.preflight import outputs
from aag_tf.preflight.datasets import check_dataset
from aag_tf.utils.errors import PackError


def check(config: PackConfig) -> None:
    """Checks the output and the data set."""
    check_output(config.output, resume=config.resume, overwrite=config.overwrite)
    check_dataset(config.data, packing=True)


def check_output(path: str, *, resume: bool, overwrite: bool) -> None:
    """Checks that a run may use a directory, without changing it.

    Raises:
        PackError: as for `aag_tf.preflight.outputs.check_output`.
    """
    outputs.check_output(path, MANIFEST_FILE, "aag-pack", PackError, {"resume": resume}, overwrite=overwrite)
