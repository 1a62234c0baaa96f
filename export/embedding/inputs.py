"""`--input` to images in a fixed order: told apart here, listed once, and opened again from what was listed.

A listing is a JSON object that fixes which images there are. It goes into the output's manifest, so that a resumed run
sees the same images in the same order, whatever happened to the input meanwhile.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import file_lists, records, tfds_split
from aag_tf.export.embedding.items import Item
from aag_tf.utils.errors import DataError
from aag_tf.utils.paths import user_path

Listing = dict[str, Any]


class Input(Protocol):
    """Images in a fixed order."""

    def __len__(self) -> int:
        """How many there are, readable or not."""

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Images `start` to `stop - 1`, one after the other."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of input. The directory is the output's, for what is too long for its manifest.

    Args:
        source_of: what stands behind the kind in `--input`, and all settings, to what tells two inputs apart.
        holds_images: whether a source has anything to embed, whatever of it can be read.
        list_input: source and directory to `rows`, `digest` and whatever else fixes the images.
        open_input: listing and directory to the images.
        listed: what a listing must have to be opened.
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
    "tfrecord": Kind(records.source_of, records.holds_images, records.list_input, records.open_input, records.LISTED),
    "tfds": Kind(
        tfds_split.source_of, tfds_split.holds_images, tfds_split.list_input, tfds_split.open_input, tfds_split.LISTED
    ),
}


def source_of(config: EmbedConfig) -> Listing:
    """What `--input` names, without listing it yet: `kind`, `source` and whatever else tells two inputs apart.

    Raises:
        DataError: it is not known what it names, or there is no such thing.
    """
    kind, rest = _kind_and_rest(config.input)
    if not rest:
        raise DataError(f"--input={config.input} names nothing; say which after `{kind}:`.")
    return {"kind": kind} | KINDS[kind].source_of(rest, config)


def list_input(source: Listing, directory: Path) -> Listing:
    """Lists the images of a source: its `rows` and their `digest` are added to it.

    Args:
        source: of `source_of`.
        directory: of the output; long lists are kept there.

    Raises:
        DataError: there are no images, or they cannot be listed.
    """
    listing = source | KINDS[source["kind"]].list_input(source, directory)
    if listing["rows"] == 0:
        raise _nothing_in(source)
    return listing


def require_images(source: Listing) -> None:
    """Looks whether there is anything to embed, before what an earlier run has written is deleted.

    Raises:
        DataError: there are no images, or they cannot be read.
    """
    if not KINDS[source["kind"]].holds_images(source):
        raise _nothing_in(source)


def open_input(listing: Listing, directory: Path) -> Input:
    """The images that were listed.

    Raises:
        DataError: the input is gone, or not what was listed, or the listing (of a manifest, so from anybody) lacks
            something.
    """
    kind = KINDS.get(listing["kind"])
    if kind is None or any(key not in listing for key in kind.listed):
        raise DataError(f"the manifest in {directory} does not say which images these are; embed with --overwrite.")
    return kind.open_input(listing, directory)


def _nothing_in(source: Listing) -> DataError:
    return DataError(f"{source['source']} holds no images, so there is nothing to embed; name another --input.")


def _kind_and_rest(text: str) -> tuple[str, str]:
    scheme, colon, rest = text.partition(":")
    if colon and scheme in KINDS:
        return scheme, rest
    path = user_path(text)
    if path.is_dir():
        return "folder", text
    if ".tfrecord" in path.name:
        return "tfrecord", text
    if os.path.exists(path):
        return "list", text
    raise DataError(
        f"--input={text} is neither a folder nor a file; name a folder, tfds:NAME/SPLIT, a text file that lists "
        "paths, or TFRecord files."
    )
