"""The kinds of data sets that consist of image files, by an explicit table; nothing here opens an image."""

import dataclasses
import logging
import os
from collections.abc import Callable

from aag_tf.config import DataConfig
from aag_tf.config.layout import LayoutConfig, splits_of_each
from aag_tf.data.layouts.listing import Listing
from aag_tf.data.layouts.lists import list_of_paths
from aag_tf.data.layouts.tables import list_table
from aag_tf.data.sources.folder import list_folder
from aag_tf.data.sources.tar import list_tar
from aag_tf.utils import once
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import held_back, say_now

LISTERS: dict[str, Callable[[str, DataConfig], Listing]] = {
    "folder": list_folder,
    "list": list_of_paths,
    "csv": list_table,
    "tar": list_tar,
}


def list_files(config: DataConfig) -> Listing | None:
    """Lists the files of one data set; `None` for data sets that are no image files.

    Raises:
        DataError: they are missing, or their layout is unclear.
    """
    kept = once.take(_key(config))
    if kept is None:
        return _list(config)
    listing, said = kept
    say_now(said)
    return listing


def look_at_files(config: DataConfig) -> Listing | None:
    """`list_files` for a check: what is odd about the files is said by `list_files`, which need not list them again.

    Raises:
        DataError: as for `list_files`.
    """

    def look() -> tuple[Listing | None, list[logging.LogRecord]]:
        with held_back() as said:
            return _list(config), said

    return once.look(_key(config), look)[0]


def _list(config: DataConfig) -> Listing | None:
    scheme, _, rest = config.dataset.partition(":")
    lister = LISTERS.get(scheme)
    return None if lister is None else lister(rest, config)


def _key(config: DataConfig) -> tuple[str, str, str, LayoutConfig]:
    """All that a listing depends on beside the files."""
    return "files", os.getcwd(), config.dataset, config.layout


def each_data_set(config: DataConfig) -> list[DataConfig]:
    """Returns the settings of each of the data sets that `config.dataset` joins, with its own `--splits`.

    Raises:
        DataError: there are several values of `--splits`, and not one for each data set.
    """
    names, splits = config.datasets, splits_of_each(config.layout.splits)
    if len(splits) not in (1, len(names)):
        raise DataError(
            f"--splits has {len(splits)} values, and --dataset names {len(names)} data sets; give one value for all, "
            "or one for each, separated by semicolons."
        )
    splits = splits * len(names) if len(splits) == 1 else splits
    return [_one(config, name, own) for name, own in zip(names, splits, strict=True)]


def _one(config: DataConfig, name: str, splits: str) -> DataConfig:
    """Returns the settings of one of several data sets, without those of other kinds."""
    scheme = name.partition(":")[0]
    return dataclasses.replace(
        config,
        dataset=name,
        layout=dataclasses.replace(config.layout, splits=splits) if scheme in LISTERS else LayoutConfig(),
        train_split=config.train_split if scheme == "tfds" else "train",
    )
