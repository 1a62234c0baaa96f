"""A folder of a store as a mirror of a local directory: what is written there is uploaded in an order that is safe."""

import itertools
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from aag_tf.utils.stores.copies import THREADS, download, is_safe
from aag_tf.utils.stores.store import Store


class _State(NamedTuple):
    """Of a local file, to see that it has changed."""

    size: int
    modified: int
    number: int


class Mirror:
    """Uploads a directory file by file. A file whose name starts with a dot, or lies in such a folder, stays local.

    Args:
        store: the folder that mirrors the directory.
        directory: the local directory.
        rank: of a name. Files of a lower rank are uploaded first, and deleted last: what marks others as complete has
            a higher rank than they.
        owned: whether a name is one of those that may be read, replaced and deleted.
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        rank: Callable[[str], int],
        owned: Callable[[str], bool] = lambda name: True,
    ) -> None:
        self.store = store
        self.directory = directory
        self.rank = rank
        self.owned = owned
        self._sent: dict[str, _State] = {}

    def pull(self, is_whole: Callable[[str, Collection[str]], bool] = lambda name, names: True) -> None:
        """Makes the directory what the store has: copies what differs, deletes what the store has not.

        Args:
            is_whole: whether a name, among all of them, is of a result that is written completely. Others are not
                copied, and the next `push` deletes them.

        Raises:
            StoreError: it cannot be read.
            OSError: it cannot be copied.
        """
        found = {name: file for name, file in self.store.list().items() if name and is_safe(name) and self.owned(name)}
        wanted = {name: file for name, file in found.items() if is_whole(name, found)}
        for name in self._local():
            if name not in wanted:
                (self.directory / name).unlink()
        download(self.store, wanted, self.directory)
        local = self._local()
        self._sent = {name: local.get(name, _State(-1, 0, 0)) for name in found}

    def push(self) -> None:
        """Uploads what has changed since the last call, then deletes what is gone; continues where an error ended it.

        Raises:
            StoreError: something cannot be written; what was uploaded is intact.
        """
        local = self._local()
        changed = [name for name, state in local.items() if self._sent.get(name) != state]

        def upload(name: str) -> None:
            self.store.upload(self.directory / name, name)
            self._sent[name] = local[name]

        with ThreadPoolExecutor(THREADS) as pool:
            for _, names in itertools.groupby(sorted(changed, key=self.rank), key=self.rank):
                list(pool.map(upload, names))
        self._delete([name for name in self._sent if name not in local])

    def clear(self, last: str) -> None:
        """Deletes everything owned from the store and from the directory.

        Args:
            last: the name that makes the folder ours, and is deleted last.

        Raises:
            StoreError: something cannot be deleted.
        """
        found = [name for name in self.store.list() if name and self.owned(name)]
        self._delete([name for name in found if name != last])
        self._delete([name for name in found if name == last])
        for name in self._local():
            (self.directory / name).unlink()

    def _delete(self, names: list[str]) -> None:
        for name in sorted(names, key=self.rank, reverse=True):
            self.store.remove(name)
            self._sent.pop(name, None)

    def _local(self) -> dict[str, _State]:
        """The files that are mirrored, sorted by name."""
        found = {}
        for folder, folders, names in os.walk(self.directory):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                below = path.relative_to(self.directory).as_posix()
                if not name.startswith(".") and self.owned(below):
                    status = path.stat()
                    found[below] = _State(status.st_size, status.st_mtime_ns, status.st_ino)
        return found
