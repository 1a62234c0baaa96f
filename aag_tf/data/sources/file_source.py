"""Opens the files of a listing as a data set."""

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data.images.cut_pictures import FROM_IMAGE
from aag_tf.data.images.derived_images import SelectedImages
from aag_tf.data.images.picture_reading import read_pictures
from aag_tf.data.layouts.listing import Listing
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError


def open_files(listing: Listing, config: DataConfig, crop_from: str = FROM_IMAGE) -> Source:
    """Reads listed image files; broken ones are skipped and named in a logged warning.

    Args:
        listing: the files.
        config: settings of the data set.
        crop_from: what views are cut from, as `--crop_from` says.

    Raises:
        DataError: one of the splits has no readable image.
    """
    name = listing.name
    usable, images, skipped, reading = read_pictures(name, listing.paths, config, crop_from)
    labels = listing.labels[usable]
    splits: dict[str, Split] = {}
    for part in dict.fromkeys(listing.splits):
        rows = np.flatnonzero(np.isin(usable, listing.rows(part)))
        if len(rows) == 0:
            raise DataError(f"none of the image files in the {part} part of {name} can be read; repair or remove them.")
        files = usable[rows] if len(np.unique(usable)) < len(usable) else None
        splits[part] = Split(SelectedImages(images, rows), labels[rows] if labels[rows].min() >= 0 else None, files)
    return Source(
        name,
        splits["train"],
        splits.get("validation"),
        splits.get("test"),
        listing.class_names,
        skipped=skipped,
        reading=reading,
        left_out=listing.left_out,
        layout=listing.layout,
    )
