"""The names of the files of a pack; standard library only.

pack.json                                 what was packed, how, and every shard; see `manifest`
train-00000-of-00012 ...                  one ArrayRecord file a shard, `pack-SPLIT.array_record-NUMBER-of-COUNT`
train.parquet, validation.parquet, ...    a row an image: path, label, height, width, channels
dataset_info.json, features.json          for TensorFlow Datasets
"""

from pathlib import Path

MANIFEST_FILE = "pack.json"
NAME = "pack"  # of the data set, for TensorFlow Datasets
SPLITS = ("train", "validation", "test")
TFDS_FILES = ("dataset_info.json", "features.json")
TFDS_NAMES = "label.labels.txt"  # where classes have names


def shard_path(directory: Path, split: str, number: int, count: int) -> Path:
    """Path of shard `number` of `count`, as TensorFlow Datasets names them."""
    return directory / f"{NAME}-{split}.array_record-{number:05d}-of-{count:05d}"


def table_path(directory: Path, split: str) -> Path:
    """Path of the table of a split."""
    return directory / f"{split}.parquet"
