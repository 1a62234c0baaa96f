"""`--dataset` to an opened data set: one explicit table from scheme to reader."""

from collections.abc import Callable

from aag_tf.config import DataConfig
from aag_tf.data.digits import read_digits
from aag_tf.data.folder import read_folder
from aag_tf.data.npz import read_npz
from aag_tf.data.splits import Source, complete
from aag_tf.data.tfds_source import read_tfds

# A reader for each of `config.data.SCHEMES`: it gets what follows the colon, and gives the splits that the data set
# itself brings.
READERS: dict[str, Callable[[str, DataConfig], Source]] = {
    "digits": read_digits,
    "tfds": read_tfds,
    "folder": read_folder,
    "npz": read_npz,
}


def open_source(config: DataConfig) -> Source:
    """Opens the data set that `config.dataset` names.

    - `digits`: the digits that scikit-learn ships;
    - `tfds:<name>[/config][:version]`: a prepared TensorFlow data set below `config.data_dir` (TFDS's default where
      that is `None`), downloaded and prepared first if `config.download` says so and never otherwise;
    - `folder:<path>`: a tree of image files (`aag_tf.data.folder` has its rules);
    - `npz:<path>`: an archive with `images`, and optionally `labels`, `test_images`, `test_labels`.

    Returns:
        Train, validation and test as far as they exist (`aag_tf.data.splits.complete` has the rule); uint8 images, one
        or three channels, all of one size (`aag_tf.data.resizing.target_size`).

    Raises:
        DataError: the data set is missing, empty or not what it should be.
    """
    scheme, _, rest = config.dataset.partition(":")
    return complete(READERS[scheme](rest, config), config.validation_fraction)
