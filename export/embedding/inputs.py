"""`--input` to images in a fixed order: tells the kinds apart, lists the images once, and opens them again.

A listing is a JSON object that fixes the images. It goes into the manifest of the output, so that a resumed run sees
the same images in the same order, even if the input has changed meanwhile.
"""

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import tensorflow as tf

from aag_tf.config import InputConfig
from aag_tf.export.embedding import archives, file_lists, packs, records, store_folder, tfds_split
from aag_tf.export.embedding.items import Input, Item
from aag_tf.export.embedding.manifest import Listing
from aag_tf.preflight.embed import OF_FILES, STORE, kind_and_rest
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.json_fields import converted
from aag_tf.utils.log import logger


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of input. The directory is the output's, for lists that are too long for its manifest.

    Args:
        source_of: describes an input by `source` and more, from the text behind the kind in `--input` and all settings.
        holds_images: whether a source has any image, readable or not.
        list_input: source and directory to `rows`, `digest` and more that fixes the images.
        open_input: opens the images of a listing, given the directory.
        listed: keys that a listing must have, with their types.
    """

    source_of: Callable[[str, InputConfig], Listing]
    holds_images: Callable[[Listing], bool]
    list_input: Callable[[Listing, Path], Listing]
    open_input: Callable[[Listing, Path], Input]
    listed: dict[str, Any]


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
    "pack": Kind(packs.source_of, packs.holds_images, packs.list_input, packs.open_input, packs.LISTED),
    "tfds": Kind(
        tfds_split.source_of, tfds_split.holds_images, tfds_split.list_input, tfds_split.open_input, tfds_split.LISTED
    ),
}


def source_of(config: InputConfig) -> Listing:
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
    try:
        kind = KINDS[listing["kind"]]
        for key, hint in kind.listed.items():
            converted(listing[key], hint, f"input.{key}")
    except (KeyError, ValueError) as error:
        raise DataError(
            f"the manifest in {directory} does not say which images these are ({one_line(error, 200)}); embed with "
            "--overwrite."
        ) from error
    return kind.open_input(listing, directory)


def items_of_rows(listing: Listing, directory: Path, rows: Collection[int]) -> dict[int, Item]:
    """Returns images by their rows, from an input that was listed.

    Raises:
        DataError: the input is gone, was changed, or cannot be read.
    """
    if not rows:
        return {}
    first = min(rows)
    try:
        passed = open_input(listing, directory).items(first, max(rows) + 1)
        return {number: item for number, item in enumerate(passed, first) if number in rows}
    except (tf.errors.OpError, OSError) as error:  # of TFRecords or TFDS
        raise DataError(f"{listing['source']} can no longer be read ({type(error).__name__}); restore it.") from error


def say_what_is_left_out(listing: Listing, directory: Path, does: str, *, updatable: bool) -> None:
    """Says how a folder or list differs from its listing, which a resumed run goes on with.

    Args:
        listing: of the input.
        directory: of the output.
        does: the flag and its verb, such as `--resume embeds`.
        updatable: whether --update brings the output up to date.
    """
    if listing["kind"] not in OF_FILES:
        return
    new, gone = file_lists.count_unlisted(listing, directory)
    if new or gone:
        advice = (
            "bring it up to date with --update once it is finished" if updatable else "name another --output for all"
        )
        logger.warning(
            "%s the files that were listed when this output was begun: %s new and %s that are gone since are left "
            "out; %s.",
            *(does, f"{new:,}", f"{gone:,}", advice),
        )


def _nothing_in(source: Listing) -> DataError:
    return DataError(f"{source['source']} holds no images; name another --input.")
