"""Opens the pictures of `--dataset` for packing, by an explicit table from scheme to kind of source."""

from collections.abc import Callable

from aag_tf.config import PackConfig
from aag_tf.data.sources.file_kinds import each_data_set, list_files
from aag_tf.data.sources.joining import join_listings
from aag_tf.data.sources.npz import read_npz
from aag_tf.data.sources.opening import open_parts
from aag_tf.packing.items import ItemSource
from aag_tf.packing.sources.arrays import SourceItems
from aag_tf.packing.sources.files import FileItems
from aag_tf.packing.sources.packs import open_pack
from aag_tf.packing.sources.tables import open_tables
from aag_tf.packing.sources.tfds import open_tfds
from aag_tf.packing.sources.tfrecords import open_tfrecords
from aag_tf.utils.errors import PackError

# Those that are neither image files nor in this table are opened as for training, and packed as pixels.
STREAMED: dict[str, Callable[[str, PackConfig], ItemSource]] = {
    "tfds": open_tfds,
    "pack": open_pack,
    "tfrecord": open_tfrecords,
    "parquet": open_tables,
}


def open_items(config: PackConfig) -> ItemSource:
    """Opens the data set that is packed, and counts its pictures.

    Raises:
        DataError: it is missing, empty or invalid.
        PackError: it joins data sets that are not packed together.
    """
    parts = each_data_set(config.data)
    listings = [listing for listing in map(list_files, parts) if listing is not None]
    if len(listings) == len(parts):
        return FileItems(listings[0] if len(parts) == 1 else join_listings(config.data.dataset, listings))
    schemes = [part.dataset.partition(":")[0] for part in parts]
    if schemes == ["npz"]:
        return SourceItems(read_npz(config.data.dataset.partition(":")[2], config.data, in_order=True))
    if not set(schemes) & set(STREAMED):
        return SourceItems(open_parts(config.data))
    if len(parts) > 1:
        raise PackError(
            f"--dataset={config.data.dataset} joins what cannot be packed together; pack each by itself, and join the "
            "packs in training, --dataset=pack:a,pack:b."
        )
    return STREAMED[schemes[0]](config.data.dataset.partition(":")[2], config)
