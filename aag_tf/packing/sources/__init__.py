"""Opens the pictures of `--dataset` for packing, by an explicit table from scheme to kind of source."""

from collections.abc import Callable

from aag_tf.config import PackConfig
from aag_tf.data.file_kinds import list_files
from aag_tf.packing.items import ItemSource
from aag_tf.packing.sources.arrays import open_arrays
from aag_tf.packing.sources.files import FileItems
from aag_tf.packing.sources.tables import open_tables
from aag_tf.packing.sources.tfds import open_tfds
from aag_tf.packing.sources.tfrecords import open_tfrecords

# Those that are neither image files nor in this table are read into memory as for training, and packed as pixels.
OPENERS: dict[str, Callable[[str, PackConfig], ItemSource]] = {
    "tfds": open_tfds,
    "tfrecord": open_tfrecords,
    "parquet": open_tables,
}


def open_items(config: PackConfig) -> ItemSource:
    """Opens the data set that is packed, and counts its pictures.

    Raises:
        DataError: it is missing, empty or invalid.
    """
    listing = list_files(config.data)
    if listing is not None:
        return FileItems(listing)
    scheme, _, rest = config.data.dataset.partition(":")
    return OPENERS.get(scheme, open_arrays)(rest, config)
