"""An output on an object store: written to a local working copy, and uploaded file by file.

A Parquet file is uploaded when it is complete, and an object appears whole, so that a killed process leaves what it
leaves on a disk. The manifest is uploaded after what it speaks of.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output import Output
from aag_tf.export.embedding.output_directory import AnyManifest, OutputDirectory
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.scratch import scratch_directory
from aag_tf.utils.stores import Claim, Mirror, MissingError, Store, is_store, remember

OWN_COPY = re.compile(r"copy-[0-9a-f]{8}")

AnyOutput = TypeVar("AnyOutput", bound=OutputDirectory[Any])


@contextlib.contextmanager
def directory_to_write(
    path: str, here: Callable[[str], AnyOutput], on_a_store: Callable[[str, Path], AnyOutput]
) -> Iterator[AnyOutput]:
    """Yields the output at a path or an address, whose working copy is deleted at the end.

    Args:
        path: path or address.
        here: makes the output of a path.
        on_a_store: makes the output of an address and a working copy.
    """
    if not is_store(path):
        yield here(path)
        return
    with scratch_directory(cache_directory() / "embeddings", "copy-", OWN_COPY) as copy:
        yield on_a_store(path, copy)


class StoredDirectory(OutputDirectory[AnyManifest]):
    """An output on a store, to write; mixed into the class of its kind.

    Args:
        address: of the directory.
        copy: an empty directory of this process.
    """

    def __init__(self, address: str, copy: Path) -> None:
        self._address = address.rstrip("/")
        remember(copy, self._address)
        super().__init__(copy)

    @functools.cached_property
    def _mirror(self) -> Mirror:
        return Mirror(Store(self._address), self.path, self._rank, self.is_own)

    @override
    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        with Claim(Store(self._address), f"--output={self._address}").held():
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
    def write_manifest(self, manifest: AnyManifest) -> None:
        super().write_manifest(manifest)
        self.push()

    @override
    def read_manifest(self) -> AnyManifest:
        if not self.manifest.exists():
            with contextlib.suppress(MissingError):
                self.manifest.write_bytes(Store(self._address).read(self.manifest.name))
        return super().read_manifest()

    def _rank(self, name: str) -> int:
        return int(name == self.manifest.name)


class StoredOutput(StoredDirectory[Manifest], Output):
    """An embedded collection on a store, to write."""


def output_to_write(path: str) -> contextlib.AbstractContextManager[Output]:
    """Yields the embedded collection at a path or an address, whose working copy is deleted at the end."""
    return directory_to_write(path, Output, StoredOutput)
