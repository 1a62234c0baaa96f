"""`--dataset` to an opened data set: one explicit table from scheme to reader."""

import dataclasses
from collections.abc import Callable

from aag_tf.config import DataConfig
from aag_tf.data.adapting import adapted
from aag_tf.data.digits import read_digits
from aag_tf.data.folder import read_folder
from aag_tf.data.images import Shape
from aag_tf.data.npz import read_npz
from aag_tf.data.splits import Source, complete
from aag_tf.data.tfds_source import read_tfds
from aag_tf.utils.errors import DataError

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


def open_monitored(dataset: str, config: DataConfig, shape: Shape) -> Source:
    """Opens labeled images by which a run on other, unlabeled ones is watched.

    Args:
        dataset: names them, as `config.dataset` names those that are trained on.
        config: of the run; says where data sets lie, and whether one may be downloaded.
        shape: height, width and channels to bring them to.

    Returns:
        Train and validation (with the default `validation_fraction`, where it brings none), both with labels. There is
        no test split, since what is watched is tuned on.

    Raises:
        DataError: the data set cannot be opened, or has no labels, or too few images to hold some out.
    """
    size = shape[0] if shape[0] == shape[1] else None
    place = DataConfig(dataset=dataset, data_dir=config.data_dir, download=config.download, image_size=size)
    source = open_source(place)
    train, held_out = source.train, source.validation
    if held_out is None or train.labels is None or held_out.labels is None:
        lacks = "no image to hold out" if held_out is None else "no labels"
        raise DataError(
            f"--monitor_dataset={dataset} has {lacks}, so that nothing can be judged by it; give a labeled data set, "
            "or leave the flag out."
        )
    return dataclasses.replace(source, train=adapted(train, shape), validation=adapted(held_out, shape), test=None)
