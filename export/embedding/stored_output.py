"""The output of `aag-embed` on an object store: written to a local working copy, and uploaded file by file.

A Parquet file is uploaded when it is complete, and an object appears whole, so that a killed process leaves what it
leaves on a disk. The manifest is uploaded after what it speaks of.
"""

import contextlib
import functools
import hashlib
import secrets
import shutil
from collections.abc import Iterator

from typing_extensions import override

from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output import OWN_FILES, OWN_SHARD, Output
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.stores import Claim, Mirror, MissingError, Store, is_store, remember


@contextlib.contextmanager
def output_to_write(path: str) -> Iterator[Output]:
    """Yields the output at a path or an address, whose working copy is deleted at the end."""
    if not is_store(path):
        yield Output(path)
        return
    output = StoredOutput(path)
    try:
        yield output
    finally:
        shutil.rmtree(output.path, ignore_errors=True)


class StoredOutput(Output):
    """An output on a store, to write.

    Args:
        address: of the directory.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        stem = hashlib.sha256(self._address.encode()).hexdigest()[:16]
        copy = cache_directory() / "embeddings" / f"{stem}-{secrets.token_hex(4)}"
        remember(copy, self._address)
        super().__init__(copy)

    @functools.cached_property
    def _mirror(self) -> Mirror:
        return Mirror(Store(self._address), self.path, self._rank, self._is_own)

    @override
    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        with super().writing(), Claim(Store(self._address), f"--output={self._address}").held():
            yield

    @override
    def fetch(self) -> None:
        self._mirror.pull()
        self.parquet.mkdir(exist_ok=True)  # a store has no empty folders

    @override
    def push(self) -> None:
        self._mirror.push()

    @override
    def clear(self) -> None:
        super().clear()
        self._mirror.clear(last=self.manifest.name)

    @override
    def write_manifest(self, manifest: Manifest) -> None:
        super().write_manifest(manifest)
        self.push()

    @override
    def read_manifest(self) -> Manifest:
        if not self.manifest.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(MissingError):
                self.manifest.write_bytes(Store(self._address).read(self.manifest.name))
        return super().read_manifest()

    def _rank(self, name: str) -> int:
        return int(name == self.manifest.name)

    def _is_own(self, name: str) -> bool:
        folder, _, file = name.rpartition("/")
        return name in OWN_FILES or (folder == self.parquet.name and OWN_SHARD.fullmatch(file) is not None)
