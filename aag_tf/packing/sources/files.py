"""Image files in a folder, with the splits and classes that training finds in it."""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from aag_tf.config import PackConfig
from aag_tf.data.folder_layout import find_pictures, folder_path, label_files, split_folders
from aag_tf.data.pack.layout import SPLITS
from aag_tf.data.regular_file import open_regular
from aag_tf.packing.items import Item, ItemSource


class FileItems(ItemSource):
    """Listed image files.

    Args:
        dataset: value of `--dataset`.
        root: what the names of files are relative to.
        splits: paths and labels (-1 for none) of each split.
        class_names: the name of every label.
    """

    def __init__(
        self, dataset: str, root: str, splits: dict[str, list[tuple[str, int]]], class_names: list[str] | None
    ) -> None:
        self._dataset, self._root, self._splits, self._class_names = dataset, root, splits, class_names
        digest, self._bytes = hashlib.sha256(json.dumps(class_names).encode()), 0
        for split, files in splits.items():
            for path, label in files:
                try:
                    status = os.stat(path)
                    size, changed = status.st_size, status.st_mtime_ns
                except OSError:  # it cannot be read either, which is said when it is tried
                    size, changed = 0, 0
                self._bytes += size
                digest.update(json.dumps([split, self._name(path), label, size, changed]).encode())
        self._digest = digest.hexdigest()

    @property
    @override
    def facts(self) -> dict[str, Any]:
        return {"dataset": self._dataset, "digest": self._digest}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return {name: len(files) for name, files in self._splits.items()}

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._class_names

    @property
    @override
    def shape(self) -> None:
        return None

    @property
    @override
    def bytes(self) -> int:
        return self._bytes

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        for path, label in self._splits[split][start:stop]:
            yield Item(self._name(path), None if label < 0 else label, functools.partial(_read, path))

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self._root)


def open_files(rest: str, config: PackConfig) -> FileItems:
    """Lists a folder.

    Raises:
        DataError: it is missing, or one of its splits has no image file.
    """
    root = folder_path(rest)
    found = [file for split, folder in split_folders(root) for file in find_pictures(folder, split)]
    class_names, labels = label_files(found)
    splits: dict[str, list[tuple[str, int]]] = {
        split: [] for split in SPLITS if any(file.split == split for file in found)
    }
    for file, label in zip(found, labels.tolist(), strict=True):
        splits[file.split].append((file.path, label))
    return FileItems(config.data.dataset, str(root), splits, class_names)


def _read(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read()
