"""The directory of a bulk output, Parquet files beside a manifest: what may be written, continued or deleted."""

import contextlib
import functools
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from aag_tf.export.embedding.shards import ShardFacts
from aag_tf.utils.atomic import sync, write_atomically
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import EmbeddingError, disk_reason
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import JsonFormat
from aag_tf.utils.locks import locked_directory, unless_in_use
from aag_tf.utils.log import logger
from aag_tf.utils.stores import copy_to_read, is_store, local_path, named

LIST_FILE = "input.jsonl"
OWN_SHARD = re.compile(r"part-\d{5,}-of-\d{5,}\.parquet")
DAMAGED = "damaged"


class OutputManifest(Protocol):
    """What every manifest of such a directory has."""

    @property
    def input(self) -> dict[str, Any]:
        """The images; see `aag_tf.export.embedding.inputs`."""
        ...

    @property
    def is_listed(self) -> bool:
        """Whether the images are fixed."""
        ...

    @property
    def files(self) -> Mapping[str, ShardFacts | FileFacts] | None:
        """Facts of every file that is complete, by its name in the directory."""
        ...

    def noting(self, files: Mapping[str, FileFacts]) -> Self:
        """Returns a manifest with the facts of more files."""
        ...

    def listing(self, images: dict[str, Any]) -> Self:
        """Returns a manifest whose input is listed."""
        ...

    def reopened(self) -> Self:
        """Returns a manifest that is complete no longer."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Returns its JSON object, without what is not known yet."""
        ...


AnyManifest = TypeVar("AnyManifest", bound=OutputManifest)


class OutputDirectory(Generic[AnyManifest]):
    """The files of one output. What differs between kinds of outputs are attributes of the class.

    Args:
        path: the directory; it need not exist yet. For an address of a store the files are those of a local copy,
            which `fetch` brings up to date; only `StoredDirectory` writes to a store.
    """

    json_format: JsonFormat  # of the manifest
    manifest_type: type[AnyManifest]
    manifest_name: str
    # The only files, beside Parquet files, that are ever deleted, as they are or as temporary files (`.NAME`,
    # `.NAME.xxxx`); the manifest last, since it marks the others as ours.
    own_files: tuple[str, ...]
    not_copied: tuple[str, ...] = ()  # files that are not needed to read the rows
    may_be_damaged: tuple[str, ...] = ()  # files that are set aside when they are damaged

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = local_path(path)
        self.manifest = self.path / self.manifest_name
        self.parquet = self.path / "parquet"  # apart, since readers of Parquet take a directory as a whole
        self.damaged = self.path / DAMAGED

    @property
    def name(self) -> str:
        """The directory as the user knows it: its path or its address."""
        return named(self.path)

    def check(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Checks that a run may use the directory, without changing it.

        Raises:
            EmbeddingError: it is a file, it is not empty and no flag is given, or it holds no output to resume or to
                overwrite.
        """
        raise NotImplementedError

    def fetch(self) -> None:
        """Copies what a store has and reading needs; does nothing for a local directory.

        Raises:
            StoreError: the store cannot be read, or has nothing there.
        """
        if is_store(self.name):
            copy_to_read(
                self.name, scope=lambda name: name not in self.not_copied and not name.startswith(f"{DAMAGED}/")
            )

    def push(self) -> None:
        """Uploads what is new to a store; does nothing for a local directory."""

    def shard(self, number: int, count: int) -> Path:
        """Path of Parquet file `number` of `count`."""
        return self.parquet / f"part-{number:05d}-of-{count:05d}.parquet"

    def name_of(self, path: Path) -> str:
        """Name of a file in the directory, by which the manifest knows it."""
        return path.relative_to(self.path).as_posix()

    def is_own(self, name: str) -> bool:
        """Whether a name in the directory is that of a file which may be deleted."""
        folder, _, file = name.rpartition("/")
        patterns = {self.parquet.name: OWN_SHARD, DAMAGED: self._own_damaged}
        return name in self.own_files or (folder in patterns and patterns[folder].fullmatch(file) is not None)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Creates the directory and locks it against other processes; the lock ends with the process.

        Raises:
            EmbeddingError: another process is writing, or the directory cannot be created.
        """
        busy = EmbeddingError(f"{self.name} is being written by another process; wait for it.")
        with contextlib.ExitStack() as stack:
            with self.converting_os_errors():
                stack.enter_context(locked_directory(self.path, busy))
            yield

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
                f"--output={self.name} cannot be written ({disk_reason(error) or error}); fix that, then give the same "
                "command again, with --resume where it had begun."
            ) from error

    def clear(self) -> None:
        """Deletes an earlier output; the manifest last, since it marks the other files as ours."""
        self.remove_leftovers()
        remove_files(self.parquet, OWN_SHARD)
        remove_files(self.damaged, self._own_damaged)
        for name in self.own_files:
            (self.path / name).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Deletes half-written files of a process that was killed; while the directory is locked."""
        for entry in self.leftovers():
            entry.unlink(missing_ok=True)

    def remove_abandoned(self) -> None:
        """Deletes half-written files, unless another process writes, or the directory may only be read."""
        if any(self.leftovers()):
            with contextlib.suppress(OSError), unless_in_use(self.path) as is_abandoned:
                if is_abandoned:
                    self.remove_leftovers()

    def leftovers(self) -> Iterator[Path]:
        """The half-written files of processes that were killed, or that write now."""
        own = re.compile(rf"\.({OWN_SHARD.pattern}|{'|'.join(map(re.escape, self.own_files))})(\.[0-9a-f]+)?")
        yield from [entry for entry in [*self.path.glob(".*"), *self.parquet.glob(".*")] if own.fullmatch(entry.name)]

    def set_aside(self, path: Path, fault: str) -> None:
        """Moves a damaged file out of the way of a new one, and says so: part of it may be all that is left."""
        self.damaged.mkdir(exist_ok=True)
        names = itertools.chain([path.name], (f"{path.name}.{number}" for number in itertools.count(2)))
        kept = next(place for name in names if not (place := self.damaged / name).exists())
        path.rename(kept)
        sync(self.damaged)
        logger.warning("%s %s; it is written anew, and what was there is kept as %s.", named(path), fault, named(kept))

    def write_manifest(self, manifest: AnyManifest) -> None:
        """Writes the manifest and creates the directory of Parquet files."""
        write_atomically(self.manifest, self.json_format.sealed(manifest.to_json()))
        self.parquet.mkdir(exist_ok=True)

    def read_manifest(self) -> AnyManifest:
        """Reads the manifest.

        Raises:
            EmbeddingError: it is missing or damaged, or another program or format version wrote it.
        """
        return self.json_format.read(self.manifest, functools.partial(read_fields, self.manifest_type))

    @property
    def _own_damaged(self) -> re.Pattern[str]:
        return re.compile(rf"({'|'.join([OWN_SHARD.pattern, *map(re.escape, self.may_be_damaged)])})(\.\d+)?")


def remove_files(directory: Path, names: re.Pattern[str]) -> None:
    """Deletes the files of a directory with such names, and the directory if it is empty then."""
    for file in directory.glob("*"):
        if names.fullmatch(file.name):
            file.unlink()
    with contextlib.suppress(OSError):  # it is missing, a link to another disk, or holds other files
        directory.rmdir()
