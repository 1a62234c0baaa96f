"""The directory that embeddings go to: names its files, and decides what may be written, continued or deleted.

manifest.json            which images, which encoder, which settings; and, at the end, how many were embedded
input.jsonl              the list of files, where the input is a folder or a list
parquet/part-00000-of-00012.parquet, ...
embeddings.npy, paths.txt    the same rows for NumPy, written last
index.faiss, index.json      an index over them, where aag-search was asked to build one
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aag_tf.export.embedding import manifest as manifests
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.locks import lock
from aag_tf.utils.paths import user_path

MANIFEST_FILE = "manifest.json"
LIST_FILE = "input.jsonl"
VECTORS_FILE = "embeddings.npy"
NAMES_FILE = "paths.txt"
INDEX_FILE = "index.faiss"
INDEX_FACTS_FILE = "index.json"
# All that is ever deleted, as is or as a temporary file (`.NAME`, `.NAME.xxxx`): the rest is somebody else's.
OWN_FILES = (LIST_FILE, VECTORS_FILE, NAMES_FILE, INDEX_FILE, INDEX_FACTS_FILE, MANIFEST_FILE)
OWN_SHARD = re.compile(r"part-\d{5,}-of-\d{5,}\.parquet")


class Output:
    """The files of one output.

    Args:
        path: the directory; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = user_path(path)
        self.manifest = self.path / MANIFEST_FILE
        self.parquet = self.path / "parquet"  # by themselves, since readers of Parquet take a directory whole
        self.vectors = self.path / VECTORS_FILE
        self.names = self.path / NAMES_FILE

    def shard(self, number: int, count: int) -> Path:
        """The Parquet file `number` of `count`."""
        return self.parquet / f"part-{number:05d}-of-{count:05d}.parquet"

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuses a directory that may not be used, before any work is done and without touching it.

        Raises:
            EmbeddingError: it is a file, it holds something and neither flag is given, or it holds no output to resume
                or to overwrite.
        """
        if self.path.exists() and not self.path.is_dir():
            raise EmbeddingError(f"--output={self.path} is a file; name a directory.")
        if resume and not self.manifest.exists():
            raise EmbeddingError(f"--output={self.path} holds nothing to resume; leave --resume out to start.")
        occupied = self.path.is_dir() and any(self.path.iterdir())
        if occupied and not (resume or overwrite):
            raise EmbeddingError(
                f"--output={self.path} already exists; add --resume to continue it, --overwrite to delete it and start "
                "again, or name another directory."
            )
        if occupied and overwrite and not self.manifest.exists():
            raise EmbeddingError(
                f"--output={self.path} holds files that aag-embed did not write, so --overwrite will not delete it; "
                "move them away, or name another directory."
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Makes the directory and keeps other processes from writing to it; a killed process keeps nobody out.

        Raises:
            EmbeddingError: another process is writing, or the directory cannot be made.
        """
        with self.explaining():
            self.path.mkdir(parents=True, exist_ok=True)
            # The directory itself is locked, so that no file is left behind.
            descriptor = os.open(self.path, os.O_RDONLY)
        try:
            if not lock(descriptor, self.path):
                raise EmbeddingError(f"--output={self.path} is being written by another aag-embed; wait for it.")
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Goes around what touches the directory.

        Raises:
            EmbeddingError: the operating system refuses (the disk is full, say).
        """
        try:
            yield
        except OSError as error:
            raise EmbeddingError(
                f"--output={self.path} cannot be written ({error.strerror or error}); mend that, then give the same "
                "command again, with --resume where it had begun."
            ) from error

    def clear(self) -> None:
        """Deletes what an earlier output left; the manifest last, since it tells the next try whose files they are."""
        self.remove_leftovers()
        for shard in self.parquet.glob("*"):
            if OWN_SHARD.fullmatch(shard.name):
                shard.unlink()
        with contextlib.suppress(OSError):  # it is not there, a link to another disk, or holds somebody else's files
            self.parquet.rmdir()
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Deletes half-written files of a process that was killed."""
        own = re.compile(rf"\.({OWN_SHARD.pattern}|{'|'.join(map(re.escape, OWN_FILES))})(\.[0-9a-f]+)?")
        for entry in [*self.path.glob(".*"), *self.parquet.glob(".*")]:
            if own.fullmatch(entry.name):
                entry.unlink()

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Fixes what this output is."""
        manifests.write_manifest(self.manifest, manifest)
        self.parquet.mkdir(exist_ok=True)

    def read_manifest(self) -> dict[str, Any]:
        """What this output is.

        Raises:
            EmbeddingError: there is none, or it is damaged or from another version.
        """
        return manifests.read_manifest(self.manifest)
