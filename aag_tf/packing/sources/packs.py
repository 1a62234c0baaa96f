"""`pack:`: the encoded pictures of another pack, to store them in another form."""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from aag_tf.config import PackConfig
from aag_tf.data.pack.manifest import RAW, pack_directory, read_complete
from aag_tf.data.pack.records import read_image, read_path
from aag_tf.data.pack.shards import ShardedRecords
from aag_tf.data.pack.table import read_labels
from aag_tf.data.sources.opening import open_parts
from aag_tf.packing.items import Item, ItemSource
from aag_tf.packing.sources.arrays import SourceItems
from aag_tf.utils.errors import DataError, PackError

READ_AT_ONCE = 64


class PackItems(ItemSource):
    """The pictures of a pack that are no pixels, as it stores them.

    Args:
        dataset: value of `--dataset`.
        path: of the pack.
    """

    def __init__(self, dataset: str, path: str) -> None:
        self._dataset, self._directory = dataset, pack_directory(path)
        self._manifest = read_complete(self._directory)
        self._packed = self._manifest.splits or {}
        self._records = {split: ShardedRecords(self._directory, split, each) for split, each in self._packed.items()}
        self._labels = {split: read_labels(self._directory, split, each) for split, each in self._packed.items()}

    @property
    @override
    def facts(self) -> dict[str, Any]:
        shards = {split: [shard.sha256 for shard in each.shards] for split, each in self._packed.items()}
        digest = hashlib.sha256(json.dumps([self._manifest.class_names, shards]).encode()).hexdigest()
        return {"dataset": self._dataset, "digest": digest}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {split: each.images for split, each in self._packed.items()}

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._manifest.class_names

    @property
    @override
    def shape(self) -> None:
        return None

    @property
    @override
    def size(self) -> int:
        return sum(shard.bytes for each in self._packed.values() for shard in each.shards)

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        labels = self._labels[split]
        for first in range(start, stop, READ_AT_ONCE):
            numbers = range(first, min(first + READ_AT_ONCE, stop))
            try:
                records = self._records[split].read(numbers)
            except DataError as error:
                raise PackError(f"{self._dataset} cannot be read: {error}") from error
            for number, record in zip(numbers, records, strict=True):
                label = None if labels is None else int(labels[number])
                yield Item(read_path(record), label, functools.partial(read_image, record))


def open_pack(rest: str, config: PackConfig) -> ItemSource:
    """Opens a finished pack; nothing is decoded, but pixels are brought to the size that was asked for.

    Raises:
        DataError: there is none, or a file of it is missing or damaged.
    """
    if read_complete(pack_directory(rest)).settings.form == RAW:
        return SourceItems(open_parts(config.data))
    return PackItems(config.data.dataset, rest)
