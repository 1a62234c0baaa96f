"""Embeddings that `aag-embed` wrote, read back: a Parquet file at a time, or single rows."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from aag_tf.export.embedding import shards
from aag_tf.export.embedding.file_lists import intact_list
from aag_tf.export.embedding.file_lists import open_input as open_file_list
from aag_tf.export.embedding.inputs import items_of_rows
from aag_tf.export.embedding.integrity import fault_of_shard, faults_of_others
from aag_tf.export.embedding.items import GONE, Item
from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output import NAMES_FILE, VECTORS_FILE, Output
from aag_tf.export.embedding.output_directory import LIST_FILE
from aag_tf.export.embedding.shards import MEND, DamagedFileError
from aag_tf.preflight.embed import OF_FILES
from aag_tf.utils.atomic import open_atomically
from aag_tf.utils.digests import DigestWriter, FileFacts
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores import is_store, named


class Collection:
    """The rows of an output whose Parquet files are complete.

    Args:
        output: the directory.
        manifest: its manifest, of a listed input.
    """

    def __init__(self, output: Output, manifest: Manifest) -> None:
        self.output, self.manifest = output, manifest
        self._size = manifest.settings.shard_size

    def __len__(self) -> int:
        """Number of images, embedded or not."""
        return self.manifest.input["rows"]

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.manifest.model.embedding_dim

    @property
    def files(self) -> Iterator[Path]:
        """The Parquet files, in the order of their rows."""
        return map(self._file, range(self._num_files))

    def vectors(self) -> Iterator[npt.NDArray[np.float32]]:
        """All embeddings, some thousands at a time: float32 [k, dim], NaN for an image without one."""
        for path in self.files:
            with shards.open_shard(path) as file:
                for batch in file.iter_batches(batch_size=shards.ROWS_AT_ONCE, columns=["embedding"]):
                    yield shards.read_vectors(batch.column(0), self.dim).astype(np.float32, copy=False)

    def paths(self) -> Iterator[str]:
        """The paths of all images."""
        for path in self.files:
            with shards.open_shard(path) as file:
                names = file.read(["path"]).column(0).to_pylist()
            yield from names

    def paths_of(self, numbers: Sequence[int]) -> list[str]:
        """The paths of some rows, in the given order; reads only that column, and each row group once."""
        groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for number in numbers:
            shard, group, row = self._place(number)
            groups[shard, group].append((number, row))
        found = dict[int, str]()
        for (shard, group), places in groups.items():
            with shards.open_shard(self._file(shard)) as file:
                column = file.read_row_group(group, columns=["path"]).column(0)
                found |= {number: column[row].as_py() for number, row in places}
        return [found[number] for number in numbers]

    def ok(self) -> npt.NDArray[np.bool_]:
        """Whether each image has an embedding: bool [n]."""
        parts = []
        for path in self.files:
            with shards.open_shard(path) as file:
                parts.append(file.read(["ok"]).column(0).to_numpy())
        return np.concatenate(parts).astype(np.bool_)

    def broken(self, most: int) -> list[tuple[str, str]]:
        """(path, error) of the first images without an embedding that are not gone, at most `most`."""
        found: list[tuple[str, str]] = []
        for path in self.files:
            with shards.open_shard(path) as file:
                table = file.read(["path", "ok", "error"])
                table = table.filter(pc.not_equal(table.column("error").fill_null(GONE), GONE))
                found += [(row["path"], row["error"]) for row in table.slice(0, most - len(found)).to_pylist()]
            if len(found) == most:
                break
        return found

    def count_gone(self) -> int:
        """Number of images that an update no longer found."""
        count = 0
        for path in self.files:
            with shards.open_shard(path) as file:
                errors = file.read(["error"]).column(0)
            count += pc.sum(pc.equal(errors, GONE)).as_py() or 0
        return count

    def row(self, number: int) -> dict[str, Any]:
        """One row: `path`, `embedding` (float32 [dim], or `None`), `ok` and `error`."""
        shard, group, row = self._place(number)
        with shards.open_shard(self._file(shard)) as file:
            found = file.read_row_group(group).slice(row, 1)
            embedding = found.column("embedding").chunk(0)
            facts = found.drop_columns(["embedding"]).to_pylist()[0]
            vector = shards.read_vectors(embedding, self.dim)[0].astype(np.float32) if facts["ok"] else None
        return facts | {"embedding": vector}

    def items(self, numbers: list[int]) -> dict[int, Item]:
        """Images by row number, from the input that was embedded.

        Raises:
            DataError: the input is gone, was changed, or cannot be read.
        """
        return items_of_rows(self.manifest.input, self.output.path, set(numbers))

    def file_paths(self) -> Iterator[str]:
        """The absolute paths of the files of all images; nothing where images are no files of their own."""
        if self.manifest.input["kind"] in OF_FILES:
            yield from open_file_list(self.manifest.input, self.output.path).file_paths()

    def write_numpy(self) -> dict[str, FileFacts]:
        """Writes `embeddings.npy`, float [n, dim] with NaN for an image without embedding, and `paths.txt`.

        Returns:
            The facts of both, by their names.
        """
        dtype = np.dtype(self.manifest.settings.dtype)
        with open_atomically(self.output.vectors) as file:
            vectors_file = DigestWriter(file)
            header = {"descr": dtype.str, "fortran_order": False, "shape": (len(self), self.dim)}
            np.lib.format.write_array_header_1_0(vectors_file, header)
            for vectors in self.vectors():
                vectors_file.write(np.ascontiguousarray(vectors, dtype).data)
        with open_atomically(self.output.names) as file:
            names_file = DigestWriter(file)
            for path in self.paths():
                names_file.write(path.replace("\n", "\\n").replace("\r", "\\r").encode() + b"\n")
        return {VECTORS_FILE: vectors_file.facts, NAMES_FILE: names_file.facts}

    def check(self, *, full: bool) -> None:
        """Checks that its files are as they were written.

        Args:
            full: whether every byte of every file is compared; otherwise sizes and footers of the Parquet files, whose
                pages have checksums that are checked when they are read.

        Raises:
            EmbeddingError: a file is missing or damaged, or cannot be read now.
        """
        ranges = shards.split_rows(len(self), self._size)
        with progress_bar("verifying", len(ranges), "file") as bar:
            for number, path in enumerate(self.files):
                if fault := fault_of_shard(self.output, self.manifest, number, ranges, full=full):
                    raise DamagedFileError(f"{named(path)} {fault}; {MEND}.")
                bar.update()
        if not full or is_store(self.output.name):  # of a store, the other files are not copied
            return
        for path, fault in faults_of_others(self.output, self.manifest):
            raise DamagedFileError(f"{named(path)} {fault}; {MEND}.")
        if (self.output.path / LIST_FILE).exists():
            intact_list(self.manifest.input, self.output.path)

    @property
    def _num_files(self) -> int:
        return -(-len(self) // self._size)

    def _file(self, shard: int) -> Path:
        return self.output.shard(shard, self._num_files)

    def _place(self, number: int) -> tuple[int, int, int]:
        """Returns the Parquet file of a row, its row group in that file, and its position in the group."""
        shard, row = divmod(number, self._size)
        return shard, *divmod(row, shards.ROWS_AT_ONCE)


def open_collection(path: str | os.PathLike[str]) -> Collection:
    """Opens the output of `aag-embed` in a directory.

    Raises:
        EmbeddingError: aag-embed did not write it, it is not complete, or a file of it is missing or damaged.
    """
    output = Output(path)
    output.fetch()
    if not output.path.is_dir():
        raise EmbeddingError(f"{output.name} is no directory; name one that aag-embed wrote.")
    manifest = output.read_manifest()
    if not manifest.is_complete:
        flag = "--resume" if manifest.update is None else "--update"
        raise EmbeddingError(f"{output.name} is not finished; give its aag-embed command again with {flag}.")
    collection = Collection(output, manifest)
    collection.check(full=False)
    output.remove_abandoned()
    return collection
