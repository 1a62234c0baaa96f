"""The directory of a pack while it is written: its files, its lock, and the parts that are done.

A part stands for a shard that is complete: `.parts/SPLIT-NUMBER.parquet` has the shard's rows of the table, and its
facts. It is written after the shard. When all are there, tables and manifest are made of them, and they are deleted.
"""

import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aag_tf.data.pack.files import MANIFEST_FILE, NAME, SPLITS, TFDS_FILES, TFDS_NAMES, shard_path, table_path
from aag_tf.data.pack.manifest import PACK, Manifest, PackedSplit, Shard
from aag_tf.data.pack.table import SCHEMA, with_all_columns
from aag_tf.preflight.pack import check_output
from aag_tf.utils.atomic import open_atomically, write_atomically
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import PackError, disk_reason
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.locks import locked_directory
from aag_tf.utils.paths import user_path

PARTS = ".parts"
FACTS = b"aag_tf.shard"  # key in the metadata of a part
OWN_SHARD = re.compile(rf"{NAME}-({'|'.join(SPLITS)})\.array_record-\d{{5,}}-of-\d{{5,}}")
OWN_FILES = (*(f"{split}.parquet" for split in SPLITS), *TFDS_FILES, TFDS_NAMES, MANIFEST_FILE)  # the manifest last


class Output:
    """The files of one pack that is written.

    Args:
        path: the directory; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = user_path(path)
        self.manifest = self.path / MANIFEST_FILE
        self._parts = self.path / PARTS

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Checks that a run may use the directory, without changing it.

        Raises:
            PackError: it may not.
        """
        check_output(str(self.path), resume=resume, overwrite=overwrite)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Creates the directory and locks it against other processes; the lock ends with the process.

        Raises:
            PackError: another process is writing, or a file cannot be written.
        """
        busy = PackError(f"--output={self.path} is being written by another aag-pack; wait for it.")
        try:
            with locked_directory(self.path, busy):
                yield
        except OSError as error:
            raise PackError(
                f"--output={self.path} cannot be written ({disk_reason(error) or error}); fix that, then give the same "
                "command again, with --resume where it had begun."
            ) from error

    def require_space(self, needed: int | None) -> None:
        """Checks that the disk has room for what is still to be written.

        Raises:
            PackError: it has less.
        """
        free = shutil.disk_usage(self.path).free
        if needed is not None and needed > free:
            raise PackError(
                f"--output={self.path} needs about {needed / 2**30:,.1f} GiB and its disk has {free / 2**30:,.1f} GiB "
                "free; make room, name another disk, or store smaller pictures with --side=256."
            )

    def shard(self, split: str, number: int, count: int) -> Path:
        """Path of shard `number` of `count`."""
        return shard_path(self.path, split, number, count)

    def write_manifest(self, manifest: Manifest) -> None:
        """Writes the manifest."""
        write_atomically(self.manifest, PACK.sealed(manifest.to_json()))

    def write_part(self, split: str, number: int, shard: Shard, rows: pa.Table) -> None:
        """Notes that a shard is complete."""
        self._parts.mkdir(exist_ok=True)
        facts = {FACTS: json.dumps(dataclasses.asdict(shard))}
        with open_atomically(self._part(split, number)) as file:
            pq.write_table(rows.replace_schema_metadata(facts), file, write_page_checksum=True)

    def read_part(self, split: str, number: int, count: int, *, verify: bool) -> tuple[Shard, pa.Table] | None:
        """Returns the facts and the rows of a shard that is complete; `None` for others.

        Args:
            split: name of the split.
            number: of the shard.
            count: of shards of the split.
            verify: whether the bytes of the shard are compared, and not only their number.
        """
        try:
            rows = _read_table(self._part(split, number))
            shard = read_fields(Shard, json.loads(rows.schema.metadata[FACTS]))
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
            return None
        if len(rows) != shard.images or not self.is_shard(split, number, count, shard, verify=verify):
            return None
        return shard, with_all_columns(rows.replace_schema_metadata(None))

    def is_shard(self, split: str, number: int, count: int, shard: Shard, *, verify: bool) -> bool:
        """Whether a shard is there as it was written.

        Args:
            split: name of the split.
            number: of the shard.
            count: of shards of the split.
            shard: its facts.
            verify: whether its bytes are compared, and not only their number.
        """
        return FileFacts(shard.bytes, shard.sha256).fault(self.shard(split, number, count), full=verify) is None

    def has_tables(self, manifest: Manifest) -> bool:
        """Whether the table of every split is as it was written, and the files for TensorFlow Datasets are there."""
        if not all(self._is_table(split, packed) for split, packed in (manifest.splits or {}).items()):
            return False
        try:
            rows = {split: len(_read_table(table_path(self.path, split), ["deep"])) for split in manifest.splits or {}}
        except (OSError, pa.ArrowException):
            return False
        there = all((self.path / name).is_file() for name in TFDS_FILES)
        return there and all(rows[split] == packed.images for split, packed in (manifest.splits or {}).items())

    def write_table(self, split: str, parts: Iterator[pa.Table]) -> FileFacts:
        """Writes the table of a split, a row group a shard; returns its facts."""
        path = table_path(self.path, split)
        with open_atomically(path) as file, pq.ParquetWriter(file, SCHEMA) as writer:
            for rows in parts:
                writer.write_table(rows)
        return FileFacts.of(path)

    def split_into_parts(self, manifest: Manifest) -> None:
        """Makes the parts of a finished pack again, as far as its tables are whole, so that shards can be replaced."""
        for split, packed in (manifest.splits or {}).items():
            if not self._is_table(split, packed):
                continue
            try:
                rows = with_all_columns(_read_table(table_path(self.path, split)))
            except (OSError, pa.ArrowException, ValueError):
                continue
            start = 0
            for number, shard in enumerate(packed.shards):
                self.write_part(split, number, shard, rows.slice(start, shard.images))
                start += shard.images

    def remove_parts(self) -> None:
        """Deletes the parts, and half-written files of a process that was killed."""
        shutil.rmtree(self._parts, ignore_errors=True)
        self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Deletes half-written files of a process that was killed."""
        own = re.compile(rf"\.({OWN_SHARD.pattern}|{'|'.join(map(re.escape, OWN_FILES))})(\.[0-9a-f]+)?")
        for entry in self.path.glob(".*"):
            if own.fullmatch(entry.name):
                entry.unlink()

    def clear(self) -> None:
        """Deletes an earlier pack; the manifest last, since it marks the other files as ours."""
        self.remove_parts()
        for entry in list(self.path.iterdir()):
            if OWN_SHARD.fullmatch(entry.name):
                entry.unlink()
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)

    def _is_table(self, split: str, packed: PackedSplit) -> bool:
        """Whether the table of a split is as it was written; of an earlier version that is not known."""
        return packed.table is None or packed.table.fault(table_path(self.path, split)) is None

    def _part(self, split: str, number: int) -> Path:
        return self._parts / f"{split}-{number:05d}.parquet"


def _read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    with path.open("rb") as file:  # Arrow would take a path with a colon for a URL
        return pq.read_table(file, columns=columns, page_checksum_verification=True)
