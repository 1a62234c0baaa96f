"""The directory of an embedded collection: names its files, and decides what may be written, continued or deleted.

manifest.json            which images, which encoder, which settings; and, at the end, how many were embedded
input.jsonl              the list of files, where the input is a folder or a list
parquet/part-00000-of-00012.parquet, ...
embeddings.npy, paths.txt    the same rows for NumPy, written last
index.faiss, index.json      an index over them, where aag-search was asked to build one
update.jsonl, update/part-... the list and the Parquet files of an update, until all of them are written
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aag_tf.export.embedding.manifest import FORMAT, FORMAT_VERSION, Manifest
from aag_tf.preflight.embed import MANIFEST_FILE, check_output
from aag_tf.utils.atomic import sync, write_atomically
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.locks import lock
from aag_tf.utils.stores import copy_to_read, is_store, local_path, named

LIST_FILE = "input.jsonl"
UPDATE_LIST_FILE = "update.jsonl"
VECTORS_FILE = "embeddings.npy"
NAMES_FILE = "paths.txt"
INDEX_FILE = "index.faiss"
INDEX_FACTS_FILE = "index.json"
# The only files that are ever deleted, as they are or as temporary files (`.NAME`, `.NAME.xxxx`).
OWN_FILES = (LIST_FILE, UPDATE_LIST_FILE, VECTORS_FILE, NAMES_FILE, INDEX_FILE, INDEX_FACTS_FILE, MANIFEST_FILE)
# The same rows once more, and an index, which is built where it is used.
NOT_COPIED = (VECTORS_FILE, NAMES_FILE, INDEX_FILE, INDEX_FACTS_FILE)
OWN_SHARD = re.compile(r"part-\d{5,}-of-\d{5,}\.parquet")


class Output:
    """The files of one output.

    Args:
        path: the directory; it need not exist yet. For an address of a store the files are those of a local copy,
            which `fetch` brings up to date; only `StoredOutput` writes to a store.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = local_path(path)
        self.manifest = self.path / MANIFEST_FILE
        self.parquet = self.path / "parquet"  # apart, since readers of Parquet take a directory as a whole
        self.updated = self.path / "update"
        self.vectors = self.path / VECTORS_FILE
        self.names = self.path / NAMES_FILE

    @property
    def name(self) -> str:
        """The directory as the user knows it: its path or its address."""
        return named(self.path)

    def fetch(self) -> None:
        """Copies what a store has and reading needs; does nothing for a local directory.

        Raises:
            StoreError: the store cannot be read, or has nothing there.
        """
        if is_store(self.name):
            copy_to_read(self.name, scope=lambda name: name not in NOT_COPIED)

    def push(self) -> None:
        """Uploads what is new to a store; does nothing for a local directory."""

    def shard(self, number: int, count: int) -> Path:
        """Path of Parquet file `number` of `count`."""
        return self.parquet / f"part-{number:05d}-of-{count:05d}.parquet"

    def updated_shard(self, number: int, count: int) -> Path:
        """Path of a Parquet file of an update, until all of them are written."""
        return self.updated / self.shard(number, count).name

    def check(self, *, resume: bool = False, update: bool = False, overwrite: bool = False) -> None:
        """Checks that a run may use the directory, without changing it.

        Raises:
            EmbeddingError: it is a file, it is not empty and no flag is given, or it holds no output to resume, to
                update or to overwrite.
        """
        check_output(self.name, resume=resume, update=update, overwrite=overwrite)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Creates the directory and locks it against other processes; the lock ends with the process.

        Raises:
            EmbeddingError: another process is writing, or the directory cannot be created.
        """
        with self.converting_os_errors():
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY)  # the directory itself, so that no lock file is left behind
        try:
            if not lock(descriptor, self.path):
                raise EmbeddingError(f"--output={self.name} is being written by another aag-embed; wait for it.")
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def converting_os_errors(self) -> Iterator[None]:
        """Converts `OSError` to `EmbeddingError`.

        Raises:
            EmbeddingError: the block raised `OSError`, for instance because the disk is full.
        """
        try:
            yield
        except OSError as error:
            raise EmbeddingError(
                f"--output={self.name} cannot be written ({error.strerror or error}); fix that, then give the same "
                "command again, with --resume where it had begun."
            ) from error

    def clear(self) -> None:
        """Deletes an earlier output; the manifest last, since it marks the other files as ours."""
        self.remove_leftovers()
        self.remove_update()
        _remove_shards(self.parquet)
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)

    def remove_update(self) -> None:
        """Deletes the files of an update."""
        _remove_shards(self.updated)
        (self.path / UPDATE_LIST_FILE).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Deletes half-written files of a process that was killed."""
        own = re.compile(rf"\.({OWN_SHARD.pattern}|{'|'.join(map(re.escape, OWN_FILES))})(\.[0-9a-f]+)?")
        for entry in [*self.path.glob(".*"), *self.parquet.glob(".*"), *self.updated.glob(".*")]:
            if own.fullmatch(entry.name):
                entry.unlink()

    def write_manifest(self, manifest: Manifest) -> None:
        """Writes the manifest and creates the directory of Parquet files."""
        write_atomically(self.manifest, json.dumps(manifest.to_json(), indent=2) + "\n")
        self.parquet.mkdir(exist_ok=True)

    def read_manifest(self) -> Manifest:
        """Reads the manifest.

        Raises:
            EmbeddingError: it is missing or damaged, or another program or format version wrote it.
        """
        file = self.manifest
        try:
            content = read_json_object(file)
            if content.get("format") != FORMAT:
                raise EmbeddingError(f"{named(file)} was not written by aag-embed; name a directory that it wrote.")
            if (version := content.get("format_version")) != FORMAT_VERSION:
                raise EmbeddingError(
                    f"{named(file)} has format version {version} and this package reads {FORMAT_VERSION}; embed "
                    "again with --overwrite, or install the package that wrote it."
                )
            return Manifest.from_json(content)
        except OSError as error:
            raise EmbeddingError(f"{self.name} was not written by aag-embed: it has no {file.name}.") from error
        except ValueError as error:
            raise EmbeddingError(f"{named(file)} is damaged ({error}); embed again with --overwrite.") from error


def _remove_shards(directory: Path) -> None:
    for shard in directory.glob("*"):
        if OWN_SHARD.fullmatch(shard.name):
            shard.unlink()
    with contextlib.suppress(OSError):  # it is missing, a link to another disk, or holds other files
        directory.rmdir()


@contextlib.contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to write under a hidden name; on success it is synced to the disk and renamed to `path`."""
    hidden = path.with_name(f".{path.name}")
    with hidden.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)
    sync(path.parent)
