"""Which images."""

import dataclasses
import difflib
import os

from aag_tf.config.checks import paths_as_text, require, require_range, require_text

SCHEMES = ("digits", "tfds", "folder", "npz")


def check_dataset(dataset: str) -> None:
    """Refuses what names no data set, whatever there is of it.

    Raises:
        ConfigError: it is empty, its part before the colon is not known, or there is nothing behind it.
    """
    require(bool(dataset), "--dataset is empty; try digits, tfds:cifar10, folder:<path> or npz:<path>.")
    scheme, _, rest = dataset.partition(":")
    require(scheme in SCHEMES, f"--dataset={dataset} is not known; {_suggestion(dataset, scheme)}")
    require(
        scheme == "digits" or bool(rest), f"--dataset={dataset} names no data set; say which one after `{scheme}:`."
    )


def _suggestion(dataset: str, scheme: str) -> str:
    usage = "use digits, tfds:<name>, folder:<path> or npz:<path>."
    near = difflib.get_close_matches(scheme, SCHEMES, n=1)
    if os.path.isdir(dataset):
        meant = f"folder:{dataset}"
    elif os.path.isfile(dataset):
        meant = f"npz:{dataset}"
    elif near and "/" not in scheme:
        meant = near[0] + dataset[len(scheme) :]
    elif ":" not in dataset and "/" not in dataset:
        meant = f"tfds:{dataset}"
    else:
        return usage
    return f"did you mean {meant}? {usage[0].upper()}{usage[1:]}"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images, at which size, and how the train split is divided."""

    dataset: str = "digits"
    data_dir: str | None = None
    download: bool = False
    image_size: int | None = None
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        paths_as_text(self)
        require_text("dataset", self.dataset)
        check_dataset(self.dataset)
        if self.image_size is not None:
            require_range("image_size", self.image_size, 4, 1024)
        require_range("validation_fraction", self.validation_fraction, 0.0, 0.9)
