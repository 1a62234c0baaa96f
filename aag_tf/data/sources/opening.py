"""Opens the data set that `--dataset` names, by an explicit table from scheme to reader."""

import dataclasses
from collections.abc import Callable

from aag_tf.config import OWN, DataConfig
from aag_tf.config.data import PACKED_FIRST
from aag_tf.data.images.base import Shape
from aag_tf.data.images.cut_pictures import FROM_IMAGE
from aag_tf.data.pack.dealing import ShardList
from aag_tf.data.pack.manifest import pack_directory, read_complete
from aag_tf.data.pack.source import read_pack
from aag_tf.data.sources.adapting import adapted, require_channels
from aag_tf.data.sources.digits import read_digits
from aag_tf.data.sources.file_kinds import each_data_set, list_files
from aag_tf.data.sources.file_source import open_files
from aag_tf.data.sources.joining import join_listings, join_sources
from aag_tf.data.sources.npz import read_npz
from aag_tf.data.sources.refusals import refuse_own, refuse_unpacked
from aag_tf.data.sources.scattered_digits import read_scattered_digits
from aag_tf.data.sources.tfds_source import read_tfds
from aag_tf.data.splits import Source, complete
from aag_tf.utils.errors import DataError

# A reader for each of `config.data.SCHEMES` that is no kind of files (`aag_tf.data.sources.file_kinds`): it gets the
# text after the colon and returns the splits that the data set itself has.
READERS: dict[str, Callable[[str, DataConfig], Source]] = {
    "digits": read_digits,
    "scattered_digits": read_scattered_digits,
    "tfds": read_tfds,
    "npz": read_npz,
    "pack": read_pack,
    **dict.fromkeys(PACKED_FIRST, refuse_unpacked),
    OWN: refuse_own,
}


def open_source(config: DataConfig, crop_from: str = FROM_IMAGE) -> Source:
    """Opens the data set that `config.dataset` names; the modules of the readers describe what each accepts.

    Args:
        config: settings of the data set.
        crop_from: what views are cut from, as `--crop_from` says; nothing but `image` concerns data sets that are no
            files and no packs.

    Returns:
        Train, validation and test splits (`aag_tf.data.splits.complete` has the rule for missing ones): uint8 images,
        one or three channels, all of one size (`aag_tf.data.files.sizes.target_size`).

    Raises:
        DataError: the data set is missing, empty or invalid.
    """
    return complete(open_parts(config, crop_from), config.validation_fraction)


def open_partly(config: DataConfig, crop_from: str = FROM_IMAGE) -> tuple[Source, ShardList]:
    """Opens a pack of which this machine has some files only; images that are in others cannot be fetched.

    Args:
        config: as for `open_source`; its data set is one pack.
        crop_from: as for `open_source`.

    Returns:
        All splits, as of the whole pack, and its files.

    Raises:
        DataError: there is no such pack, or what is read of it without its images is missing.
    """
    rest = config.dataset.partition(":")[2]
    source = complete(read_pack(rest, config, crop_from, partly=True), config.validation_fraction)
    directory = pack_directory(rest)
    return source, ShardList.of(directory, read_complete(directory))


def open_parts(config: DataConfig, crop_from: str = FROM_IMAGE) -> Source:
    """Opens a data set, or several that are joined, with the splits that it has itself.

    Args:
        config: as for `open_source`.
        crop_from: as for `open_source`.

    Raises:
        DataError: one is missing, empty or invalid.
    """
    parts = each_data_set(config)
    listings = [list_files(part) for part in parts]
    files = [listing for listing in listings if listing is not None]
    if len(files) == len(parts):  # read together, so that they agree in size and channels
        return open_files(files[0] if len(files) == 1 else join_listings(config.dataset, files), config, crop_from)
    sources = [
        _open(part, crop_from if len(parts) == 1 else FROM_IMAGE) if listing is None else open_files(listing, part)
        for part, listing in zip(parts, listings, strict=True)
    ]
    return sources[0] if len(sources) == 1 else join_sources(config.dataset, sources)


def _open(config: DataConfig, crop_from: str) -> Source:
    scheme, _, rest = config.dataset.partition(":")
    if scheme == "pack":
        return read_pack(rest, config, crop_from)
    return READERS[scheme](rest, config)


def open_monitored(dataset: str, config: DataConfig, shape: Shape) -> Source:
    """Opens a labeled data set that monitors a run on unlabeled images.

    Args:
        dataset: its name, in the syntax of `config.dataset`.
        config: data settings of the run, of which `data_dir`, `download`, `follow_symlinks` and `reading` apply.
        shape: height, width and channels that its images are converted to.

    Returns:
        Labeled train and validation splits (the latter by the default `validation_fraction` if the data set has none).
        There is no test split, because settings are tuned on what is monitored.

    Raises:
        DataError: the data set cannot be opened, has no labels, or has too few images to hold some out.
    """
    size = f"{shape[0]}x{shape[1]}"
    place = dataclasses.replace(config.for_other(dataset), image_size=size, reading=config.reading)
    source = open_source(place)
    train, held_out = source.train, source.validation
    if held_out is None or train.labels is None or held_out.labels is None:
        missing = "no image to hold out" if held_out is None else "no labels"
        raise DataError(
            f"--monitor_dataset={dataset} has {missing}, so it cannot monitor a run; give a labeled data set, or leave "
            "the flag out."
        )
    require_channels(dataset, source.image_shape[2], shape[2], "--monitor_dataset")
    fit = config.reading.fit
    return dataclasses.replace(
        source, train=adapted(train, shape, fit), validation=adapted(held_out, shape, fit), test=None
    )
