"""The directory that embeddings go to: names its files, and decides what may be written, continued or deleted.

manifest.json            which images, which encoder, which settings; and, at the end, how many were embedded
input.jsonl              the list of files, where the input is a folder or a list
parquet/part-00000-of-00012.parquet, ...
embeddings.npy, paths.txt    the same rows for NumPy, written last
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aag_tf.errors import EmbeddingError
from aag_tf.files import write_atomically

FORMAT = "aag_tf.embeddings"
FORMAT_VERSION = 1


class Output:
    """The files of one output.

    Args:
        path: the directory; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self.manifest = self.path / "manifest.json"
        self.parquet = self.path / "parquet"  # by themselves, since readers of Parquet take a directory whole
        self.vectors = self.path / "embeddings.npy"
        self.names = self.path / "paths.txt"

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
                "name another directory."
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Makes the directory and keeps other processes from writing to it; a killed process keeps nobody out.

        Raises:
            EmbeddingError: another process is writing, or the directory cannot be written (its disk is full, say).
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The directory itself is locked, so that no file is left behind.
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
            finally:
                os.close(descriptor)
        except BlockingIOError as error:
            raise EmbeddingError(f"--output={self.path} is being written by another aag-embed; wait for it.") from error
        except OSError as error:
            raise EmbeddingError(
                f"--output={self.path} cannot be written ({error.strerror or error}); mend that, then give the same "
                "command with --resume to go on."
            ) from error

    def clear(self) -> None:
        """Deletes what an earlier output left; the manifest last, since it tells the next try whose files they are."""
        for entry in sorted(self.path.iterdir(), key=lambda entry: entry == self.manifest):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove_leftovers(self) -> None:
        """Deletes half-written files of a process that was killed."""
        for entry in [*self.path.glob(".*"), *self.parquet.glob(".*")]:
            if entry.is_file():
                entry.unlink()

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Fixes what this output is."""
        content = {"format": FORMAT, "format_version": FORMAT_VERSION} | manifest
        write_atomically(self.manifest, json.dumps(content, indent=2) + "\n")
        self.parquet.mkdir(exist_ok=True)

    def read_manifest(self) -> dict[str, Any]:
        """What this output is.

        Raises:
            EmbeddingError: there is none, or it is damaged or from another version.
        """
        try:
            manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
        except OSError as error:
            raise EmbeddingError(
                f"{self.path} was not written by aag-embed: it has no {self.manifest.name}."
            ) from error
        except ValueError as error:
            raise EmbeddingError(f"{self.manifest} is damaged ({error}); embed again with --overwrite.") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise EmbeddingError(f"{self.manifest} was not written by aag-embed; name a directory that it wrote.")
        if manifest.get("format_version") != FORMAT_VERSION:
            raise EmbeddingError(
                f"{self.manifest} has format version {manifest.get('format_version')} and this package reads "
                f"{FORMAT_VERSION}; embed again with --overwrite, or install the package that wrote it."
            )
        return manifest
