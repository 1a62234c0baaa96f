"""What `aag-pack` can refuse at once."""

import os

from aag_tf.config import PackConfig
from aag_tf.config.data import PACKED_FIRST
from aag_tf.data.pack.files import MANIFEST_FILE
from aag_tf.preflight import outputs
from aag_tf.preflight.datasets import check_dataset
from aag_tf.utils.errors import DataError, PackError
from aag_tf.utils.paths import matching, user_path
from aag_tf.utils.stores import is_store


def check(config: PackConfig) -> None:
    """Checks the output and the data set."""
    check_output(config.output, resume=config.resume, overwrite=config.overwrite)
    check_dataset(config.data, packing=True)
    for name in config.data.datasets:
        scheme, _, rest = name.partition(":")
        if scheme in PACKED_FIRST and not is_store(rest):
            pattern = str(user_path(rest))
            if not os.path.exists(pattern) and not matching(pattern):
                raise DataError(f"--dataset={name} matches no file; name a file, a pattern with * or ?, or a folder.")


def check_output(path: str, *, resume: bool, overwrite: bool) -> None:
    """Checks that a run may use a directory, without changing it.

    Raises:
        PackError: as for `aag_tf.preflight.outputs.check_output`.
    """
    outputs.check_output(path, MANIFEST_FILE, "aag-pack", PackError, {"resume": resume}, overwrite=overwrite)
