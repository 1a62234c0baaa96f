"""`--dataset` to an opened data set: one explicit table from scheme to reader."""

import difflib
from collections.abc import Callable

from aag_tf.config import DataConfig
from aag_tf.data.digits import read_digits
from aag_tf.data.folder import read_folder
from aag_tf.data.npz import read_npz
from aag_tf.data.splits import Source, complete
from aag_tf.data.tfds_source import read_tfds
from aag_tf.errors import DataError

# A reader gets what follows the colon, and gives the splits that the data set itself brings.
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
        DataError: the data set is unknown, missing, empty or not what it should be.
    """
    scheme, _, rest = config.dataset.partition(":")
    if scheme not in READERS:
        raise DataError(f"--dataset={config.dataset} is not known; {_suggestion(config.dataset, scheme)}")
    if scheme != "digits" and not rest:
        raise DataError(f"--dataset={config.dataset} names no data set; say which one after `{scheme}:`.")
    return complete(READERS[scheme](rest, config), config.validation_fraction)


def _suggestion(dataset: str, scheme: str) -> str:
    usage = "use digits, tfds:<name>, folder:<path> or npz:<path>."
    close = difflib.get_close_matches(scheme, READERS, n=1)
    if close:
        return f"did you mean {close[0] + dataset[len(scheme) :]}? {usage[0].upper()}{usage[1:]}"
    return usage if ":" in dataset else f"did you mean tfds:{dataset}? {usage[0].upper()}{usage[1:]}"
