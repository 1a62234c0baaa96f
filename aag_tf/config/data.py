"""Which images."""

import dataclasses
import difflib
import os
import re

from aag_tf.config.checks import normalize_text, require, require_range

SCHEMES = ("digits", "tfds", "folder", "npz")


def check_dataset(dataset: str, flag: str = "dataset") -> None:
    """Refuses what names no data set, whatever there is of it.

    Raises:
        ConfigError: it is empty, its part before the colon is not known, or there is nothing behind it.
    """
    require(bool(dataset), f"--{flag} is empty; try digits, tfds:cifar10, folder:<path> or npz:<path>.")
    scheme, _, rest = dataset.partition(":")
    require(scheme in SCHEMES, f"--{flag}={dataset} is not known; {_suggestion(dataset, scheme)}")
    require(scheme == "digits" or bool(rest), f"--{flag}={dataset} names no data set; say which one after `{scheme}:`.")


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
    train_split: str = "train"
    image_size: int | None = None
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        normalize_text(self)
        check_dataset(self.dataset)
        require(
            self.train_split == "train" or self.dataset.startswith("tfds:"),
            f"--train_split={self.train_split} names a part of a TensorFlow data set, and --dataset={self.dataset} is "
            "none; leave it out.",
        )
        parts = self.train_parts()
        require(
            all(parts) and not {"validation", "test"} & set(parts),
            f"--train_split={self.train_split} cannot be trained on; name splits other than validation and test, as "
            "train, unlabelled, train+unlabelled or train[:10%].",
        )
        if self.image_size is not None:
            require_range("image_size", self.image_size, 4, 1024)
        require_range("validation_fraction", self.validation_fraction, 0.0, 0.9)

    def train_parts(self) -> list[str]:
        """Names of the splits that `train_split` is made of, without their slices."""
        return [re.sub(r"\[.*\]$", "", part.strip()) for part in self.train_split.split("+")]
