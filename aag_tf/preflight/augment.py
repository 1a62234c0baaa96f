"""What `aag-augment` can refuse at once."""

from aag_tf.config import ContactSheetConfig
from aag_tf.preflight.datasets import check_dataset
from aag_tf.utils.paths import check_new_file
from aag_tf.utils.stores import file_to_write


def check(config: ContactSheetConfig) -> None:
    """Checks the file of the sheet and the data set."""
    check_new_file(file_to_write(config.out), f"--out={config.out}", overwrite=config.overwrite)
    check_dataset(config.data)
