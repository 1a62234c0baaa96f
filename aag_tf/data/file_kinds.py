"""The kinds of data sets that consist of image files, by an explicit table; nothing here opens an image."""

from collections.abc import Callable

from aag_tf.config import DataConfig
from aag_tf.data.folder import list_folder
from aag_tf.data.listing import Listing

LISTERS: dict[str, Callable[[str, DataConfig], Listing]] = {"folder": list_folder}


def list_files(config: DataConfig) -> Listing | None:
    """Lists the files of `config.dataset`; `None` for data sets that are no image files.

    Raises:
        DataError: they are missing, or their layout is unclear.
    """
    scheme, _, rest = config.dataset.partition(":")
    lister = LISTERS.get(scheme)
    return None if lister is None else lister(rest, config)
