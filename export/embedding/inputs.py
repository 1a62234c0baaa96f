"""`--input` to images in a fixed order: tells the kinds apart, lists the images once, and opens them again.

A listing is a JSON object that fixes the images. It goes into the manifest of the output, so that a resumed run sees
the same images in the same order, even if the input has changed meanwhile.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import archives, file_lists, records, store_folder, tfds_split
from aag_tf.export.embedding.items import Input
from aag_tf.export.embedding.manifest import Listing
from aag_tf.preflight.embed import STORE, kind_and_rest
from aag_tf.utils.errors import DataError


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of input. The directory is the output's, for lists that are too long for its manifest.

    Args:
        source_of: describes an input by `source` and more, from the text behind the kind in `--input` and all settings.
        holds_images: whether a source has any image, readable or not.
        list_input: source and directory to `rows`, `digest` and more that fixes the images.
        open_input: opens the images of a listing, given the directory.
        listed: keys that a listing must have.
    """

    source_of: Callable[[str, EmbedConfig], Listing]
    holds_images: Callable[[Listing], bool]
    list_input: Callable[[Listing, Path], Listing]
    open_input: Callable[[Listing, Path], Input]
    listed: tuple[str, ...]


_OF_FILES = (file_lists.holds_images, file_lists.list_input, file_lists.open_input, file_lists.LISTED)

KINDS: dict[str, Kind] = {
    "folder": Kind(file_lists.source_of_folder, *_OF_FILES),
    "list": Kind(file_lists.source_of_list, *_OF_FILES),
    "csv": Kind(file_lists.source_of_list, *_OF_FILES),
    "tar": Kind(archives.source_of, archives.holds_images, archives.list_input, archives.open_input, archives.LISTED),
    STORE: Kind(
        store_folder.source_of,
        store_folder.holds_images,
        store_folder.list_input,
        store_folder.open_input,
        file_lists.LISTED,
    ),
    "tfrecord": Kind(records.source_of, records.holds_images, records.list_input, records.open_input, records.LISTED),
    "tfds": Kind(
        tfds_split.source_of, tfds_split.holds_images, tfds_split.list_input, tfds_split.open_input, tfds_split.LISTED
    ),
}


def source_of(config: EmbedConfig) -> Listing:
    """Describes `--input` without listing it: `kind`, `source` and more that tells two inputs apart.

    Raises:
        DataError: it does not exist, or is of no known kind.
    """
    kind, rest = kind_and_rest(config.input)
    if not rest:
        raise DataError(f"--input={config.input} names nothing; give a name after `{kind}:`.")
    return {"kind": kind} | KINDS[kind].source_of(rest, config)


def list_input(source: Listing, directory: Path) -> Listing:
    """Lists the images of a source: returns it with `rows`, `digest` and more.

    Args:
        source: from `source_of`.
        directory: of the output; long lists are written there.

    Raises:
        DataError: there are no images, or they cannot be listed.
    """
    listing = source | KINDS[source["kind"]].list_input(source, directory)
    if listing["rows"] == 0:
        raise _nothing_in(source)
    return listing


def require_images(source: Listing) -> None:
    """Checks that there is anything to embed, before an earlier output is deleted.

    Raises:
        DataError: there are no images, or they cannot be read.
    """
    if not KINDS[source["kind"]].holds_images(source):
        raise _nothing_in(source)


def open_input(listing: Listing, directory: Path) -> Input:
    """Opens the images that were listed.

    Raises:
        DataError: the input is gone or has changed, or the listing, which comes from a manifest, lacks a key.
    """
    kind = KINDS.get(listing["kind"])
    if kind is None or any(key not in listing for key in kind.listed):
        raise DataError(f"the manifest in {directory} does not say which images these are; embed with --overwrite.")
    return kind.open_input(listing, directory)


def _nothing_in(source: Listing) -> DataError:
    return DataError(f"{source['source']} holds no images, so there is nothing to embed; name another --input.")
