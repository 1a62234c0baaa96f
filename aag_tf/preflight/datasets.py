"""Whether a data set is there, and has enough images for a batch, as far as names and headers tell."""

import difflib
import importlib.util
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aag_tf.config import OWN, DataConfig
from aag_tf.config.data import PACKED_FIRST
from aag_tf.data.counting import left_to_train, require_batch
from aag_tf.data.pack.manifest import pack_directory, read_complete
from aag_tf.data.sources.arrays import array_shapes, npz_path
from aag_tf.data.sources.file_kinds import each_data_set, look_at_files
from aag_tf.data.sources.refusals import refuse_own, refuse_unpacked
from aag_tf.data.sources.unprepared import READ_BY_TENSORFLOW, base_name, not_prepared
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import Store, is_store, join
from aag_tf.utils.text import command_line

DEFAULT_TFDS_DIRECTORY = "~/tensorflow_datasets"


def check_dataset(config: DataConfig, batch: int | None = None, *, packing: bool = False) -> None:
    """Checks that a data set exists, and that a batch fits into it.

    Args:
        config: names it.
        batch: images of a batch; `None` where nothing is trained.
        packing: whether it is to be packed, so that pictures that are read in order serve too.

    Raises:
        DataError: there is no such folder or file, or it holds nothing; or a TensorFlow data set is not prepared.
        ConfigError: there are fewer images to train on than a batch has.
    """
    parts = each_data_set(config)
    counts = [_count(part, packing=packing) for part in parts]
    known = [count for count in counts if count is not None]
    if batch is not None and len(known) == len(counts):
        splits = {split for count in known for split in count.splits}
        labeled = all(count.labeled for count in known)
        train = sum(count.train for count in known)
        require_batch(left_to_train(train, splits, config.validation_fraction, labeled=labeled), batch)


class Count(NamedTuple):
    """What is known of a data set without opening an image: images to train on, its splits, whether it has labels."""

    train: int
    splits: set[str]
    labeled: bool


def _count(config: DataConfig, *, packing: bool) -> Count | None:
    """Checks that one data set is there; returns what its names and headers tell, `None` for nothing."""
    scheme, _, rest = config.dataset.partition(":")
    listing = look_at_files(config)
    if listing is not None and config.reading.pages == "each":
        return None  # how many pages there are is known once the files are opened
    if listing is not None:
        train = listing.rows("train")
        return Count(len(train), set(listing.splits), bool(np.all(listing.labels[train] >= 0)))
    if scheme == "npz":
        return _count_npz(rest)
    if scheme == "pack":
        return _count_pack(rest)
    if scheme == OWN:
        refuse_own(rest, config)
    if scheme in PACKED_FIRST and not packing:
        refuse_unpacked(rest, config)
    if scheme == "tfds" and ("tensorflow_datasets" not in sys.modules or is_store(config.data_dir or "")):
        # Once imported, TFDS answers as fast, and knows directories that were registered in Python.
        check_prepared(rest, config.data_dir, download=config.download)
    return None


def _count_npz(path: str) -> Count | None:
    file = npz_path(path)
    try:
        shapes = array_shapes(file)
    except Exception:  # what is wrong with the archive is said when it is read
        return None
    if not shapes.get("images"):
        return None
    splits = {"train", "test"} if "test_images" in shapes else {"train"}
    return Count(shapes["images"][0], splits, "labels" in shapes)


def _count_pack(path: str) -> Count:
    splits = read_complete(pack_directory(path)).splits or {}
    return Count(splits["train"].images, set(splits), splits["train"].labeled)


def check_prepared(name: str, data_dir: str | None, *, download: bool) -> None:
    """Checks that the directory of a TensorFlow data set exists where it may not be downloaded.

    Raises:
        DataError: it does not; the message suggests a similar name of TFDS's catalog.
    """
    directory = data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_TFDS_DIRECTORY
    base = base_name(name)
    if data_dir is not None and is_store(data_dir) and not data_dir.startswith(READ_BY_TENSORFLOW):
        _check_stored(name, data_dir, download=download)
        return
    # URLs are TFDS's to read, and so are names with a namespace before a colon.
    if download or "://" in directory or ("/" in name.partition(":")[2]):
        return
    root = user_path(directory)
    if (root / base).is_dir():
        return
    known = _catalog()
    near = [] if base in known else difflib.get_close_matches(base, known, n=1)
    raise not_prepared(name, root, data_dir, near=next(iter(near), None))


def _check_stored(name: str, data_dir: str, *, download: bool) -> None:
    if download:
        raise DataError(
            f"--download prepares data sets on this machine, and --data_dir={data_dir} is a store; prepare it without "
            "--data_dir and copy it there, or leave --download out."
        )
    if not Store(join(data_dir, base_name(name)), probing=True).list():
        raise DataError(
            f"tfds:{name} is not in {data_dir}; prepare it on this machine (`{command_line('tfds', 'build', name)}`), "
            "copy its folder there, or name another --data_dir."
        )


def _catalog() -> set[str]:
    """Names of TFDS's catalog, from the files of the package, which is not imported."""
    spec = importlib.util.find_spec("tensorflow_datasets")
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    if package is None:
        return set()
    described = {entry.name for entry in (package / "datasets").glob("*") if entry.is_dir()}
    return described | {entry.stem for entry in (package / "url_checksums").glob("*.txt")}
