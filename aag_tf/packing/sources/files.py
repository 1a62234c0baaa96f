"""Image files of any kind that training lists, with the splits and classes that it finds in them."""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from aag_tf.data.files.regular_file import open_regular
from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.layouts.listing import Listing
from aag_tf.data.pack.files import SPLITS
from aag_tf.packing.items import Item, ItemSource


class FileItems(ItemSource):
    """The files of a listing.

    Args:
        listing: the files.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._rows: dict[str, npt.NDArray[np.int64]] = {
            split: rows for split in SPLITS if len(rows := listing.rows(split))
        }
        self._root = os.path.commonpath(list(map(os.path.dirname, listing.paths)))
        digest, self._size = hashlib.sha256(json.dumps(listing.class_names).encode()), 0
        for path, split, label in zip(listing.paths, listing.splits, listing.labels.tolist(), strict=True):
            # Zeros for a file that cannot be looked at, nor read then.
            size, changed = stamp_of(path) or (0, 0)
            self._size += size
            digest.update(json.dumps([split, self._name(path), label, size, changed]).encode())
        self._digest = digest.hexdigest()

    @property
    @override
    def facts(self) -> dict[str, Any]:
        left_out = list(map(str, self._listing.left_out))
        layout = self._listing.layout._asdict()
        return {"dataset": self._listing.name, "digest": self._digest, "layout": layout, "left_out": left_out}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {split: len(rows) for split, rows in self._rows.items()}

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._listing.class_names

    @property
    @override
    def size(self) -> int:
        return self._size

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        for row in self._rows[split][start:stop]:
            path, label = self._listing.paths[row], int(self._listing.labels[row])
            yield Item(self._name(path), None if label < 0 else label, functools.partial(_read, path))

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self._root)


def _read(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read()
