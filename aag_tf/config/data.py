"""Which images."""

import dataclasses
import difflib
import os
import re

from aag_tf.config.checks import require
from aag_tf.config.layout import LayoutConfig
from aag_tf.config.model import OWN
from aag_tf.config.reading import SIZE_FORM, ReadingConfig, read_size
from aag_tf.config.setting import check_settings, setting

BUILT_IN = ("digits", "scattered_digits", OWN)  # nothing follows these names
OF_FILES = ("folder", "list", "csv", "tar")  # data sets of image files
PACKED_FIRST = ("tfrecord", "parquet")  # read in order only, so aag-pack comes before training
SCHEMES = (*BUILT_IN, "tfds", *OF_FILES, "npz", "pack", *PACKED_FIRST)
USAGE = (
    "digits, scattered_digits, tfds:<name>, folder:<path>, list:<file>, csv:<file>, tar:<file>, npz:<file> or "
    "pack:<path>"
)
SUFFIXES = {  # of files, by what they are
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".txt", ".lst", ".list"), "list"),
    **dict.fromkeys((".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst"), "tar"),
    **dict.fromkeys((".npz", ".npy"), "npz"),
    **dict.fromkeys((".parquet", ".arrow"), "parquet"),
    ".tfrecord": "tfrecord",
}


def check_dataset(dataset: str, flag: str = "dataset") -> None:
    """Checks the form of a data set's name; whether there is such a data set is not looked at.

    Raises:
        ConfigError: the name is empty, its part before the colon is not known, or nothing follows the colon.
    """
    require(bool(dataset), f"--{flag} is empty; try digits, tfds:cifar10 or folder:<path>.")
    for each in datasets_of(dataset):
        scheme, _, rest = each.partition(":")
        require(scheme in SCHEMES, f"--{flag}={each} is not known; {_suggestion(each, scheme)}")
        require(
            scheme in BUILT_IN or bool(rest), f"--{flag}={each} names no data set; say which one after `{scheme}:`."
        )


def check_named_images(dataset: str | None, layout: LayoutConfig) -> None:
    """Checks the images that a command takes in place of a run's own.

    Args:
        dataset: `None` for the run's own.
        layout: how `dataset` is read.

    Raises:
        ConfigError: the name is not that of a data set, or there is a layout without a name.
    """
    require(
        dataset is not None or layout.is_usual,
        "--splits, --labels, --columns and --follow_symlinks say how --dataset is read, and a run's own images are "
        "read as in training; name the images with --dataset, or leave them out.",
    )
    if dataset is not None:
        check_dataset(dataset)


def datasets_of(text: str) -> list[str]:
    """Returns the data sets that `--dataset` joins; a comma separates them only before the next one's scheme."""
    following = "|".join(
        [*(f"{scheme}:" for scheme in SCHEMES if scheme not in BUILT_IN), *(f"{own}(?:,|$)" for own in BUILT_IN)]
    )
    return re.split(rf",\s*(?={following})", text)


def suggested_name(path: str) -> str | None:
    """Returns how `--dataset` names a folder or a file that exists, by what it is; `None` where there is none."""
    if os.path.isdir(path):
        return f"{'pack' if os.path.exists(os.path.join(path, 'pack.json')) else 'folder'}:{path}"
    if not os.path.isfile(path):
        return None
    return f"{SUFFIXES.get(os.path.splitext(path)[1].lower(), 'npz')}:{path}"


def _suggestion(dataset: str, scheme: str) -> str:
    usage = f"use {USAGE}."
    near = difflib.get_close_matches(scheme, SCHEMES, n=1)
    meant = suggested_name(dataset)
    if meant is not None:
        pass
    elif near and "/" not in scheme:
        meant = near[0] + dataset[len(scheme) :]
    elif ":" not in dataset and "/" not in dataset:
        meant = f"tfds:{dataset}"
    else:
        return usage
    return f"did you mean {meant}? {usage[0].upper()}{usage[1:]}"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Data: which images, at which size, and how they are divided."""

    dataset: str = setting(
        "digits",
        "What to train on: digits (1 797 real 8x8 images, built in), scattered_digits (the same, each at some size and "
        "place of a 16x16 canvas), tfds:NAME[/CONFIG] (a TensorFlow Datasets data set), folder:PATH (a tree of image "
        "files; sub-folder names become labels), list:FILE (a text with a path a line), csv:FILE (a table of paths and "
        "labels), tar:FILE (tar archives, as WebDataset writes them; also a pattern, tar:shards/*.tar), npz:FILE "
        "(arrays `images` and, if you have them, `labels`) or pack:PATH (what aag-pack wrote, of any size; aag-pack "
        "also reads tfrecord:PATH and parquet:PATH). Several are joined by commas, folder:a,folder:b, or by giving the "
        "flag again. Labels are never trained on; they only serve to evaluate.",
        is_path=True,
    )
    data_dir: str | None = setting(
        None,
        "Where prepared TensorFlow Datasets lie; only tfds: reads it. Default: $TFDS_DATA_DIR or "
        "~/tensorflow_datasets.",
        resumable=True,
        is_path=True,
    )
    download: bool = setting(
        False,
        "Allow tfds: to download and prepare a data set that is not there yet. Off, nothing touches the network.",
        resumable=True,
    )
    train_split: str = setting(
        "train",
        "Which part of a tfds: data set to train on, in the words of TensorFlow Datasets: unlabelled (as of stl10), "
        "train+unlabelled, train[:10%]. Images whose labels are secret count as unlabeled, and with them all others.",
    )
    image_size: int | str | None = setting(
        None,
        "Size of the views in pixels: a side, 64, for squares, or height and width, 64x320. Default: the size of the "
        "images where they share one of at most 256 pixels a side, otherwise 224. Lower it to train faster: the cost "
        "grows with the number of pixels.",
        form=SIZE_FORM,
        read=read_size,
    )
    validation_fraction: float = setting(
        0.1,
        "Part of the train split that is held out to tune settings on; the same images for every --seed. Use 0 to "
        "train on everything, once the settings are fixed.",
        low=0.0,
        high=0.9,
    )
    layout: LayoutConfig = dataclasses.field(default_factory=LayoutConfig)
    reading: ReadingConfig = dataclasses.field(default_factory=ReadingConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        check_dataset(self.dataset)
        require(
            self.train_split == "train" or any(each.startswith("tfds:") for each in self.datasets),
            f"--train_split={self.train_split} names a part of a TensorFlow data set, and --dataset={self.dataset} is "
            "none; leave it out.",
        )
        of_files = any(each.partition(":")[0] in OF_FILES for each in self.datasets)
        require(
            of_files or self.layout.is_usual,
            f"--splits, --labels, --columns and --follow_symlinks are for folder:, list:, csv: and tar:, and "
            f"--dataset={self.dataset} has splits and labels of its own; leave them out.",
        )
        parts = self.train_parts()
        require(
            all(parts) and not {"validation", "test"} & set(parts),
            f"--train_split={self.train_split} cannot be trained on; name splits other than validation and test, as "
            "train, unlabelled, train+unlabelled or train[:10%].",
        )

    @property
    def datasets(self) -> list[str]:
        """The data sets that `dataset` joins."""
        return datasets_of(self.dataset)

    def for_other(self, dataset: str) -> "DataConfig":
        """Returns the settings of another data set in the same place, found by the same rules."""
        layout = LayoutConfig()
        if any(each.startswith("folder:") for each in datasets_of(dataset)):
            layout = dataclasses.replace(layout, follow_symlinks=self.layout.follow_symlinks)
        return DataConfig(dataset, data_dir=self.data_dir, download=self.download, layout=layout)

    def train_parts(self) -> list[str]:
        """Names of the splits that `train_split` joins, without their slices."""
        return [re.sub(r"\[.*\]$", "", part.strip()) for part in self.train_split.split("+")]
