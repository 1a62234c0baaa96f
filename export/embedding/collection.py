"""Embeddings that `aag-embed` wrote, read back: a Parquet file at a time, or single rows."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import tensorflow as tf

from aag_tf.export.embedding import shards
from aag_tf.export.embedding.inputs import open_input
from aag_tf.export.embedding.items import Item
from aag_tf.export.embedding.output import Output
from aag_tf.utils.atomic import sync
from aag_tf.utils.errors import DataError, EmbeddingError


class Collection:
    """A finished output, or one whose Parquet files are complete.

    Args:
        output: where it is.
        manifest: what it says of itself.
    """

    def __init__(self, output: Output, manifest: dict[str, Any]) -> None:
        self.output, self.manifest = output, manifest
        self._size: int = manifest["settings"]["shard_size"]

    def __len__(self) -> int:
        """How many images there are, embedded or not."""
        return self.manifest["input"]["rows"]

    @property
    def dim(self) -> int:
        """Numbers in an embedding."""
        return self.manifest["model"]["embedding_dim"]

    @property
    def files(self) -> Iterator[Path]:
        """The Parquet files, in the order of their rows."""
        return map(self._file, range(self._num_files))

    def vectors(self) -> Iterator[npt.NDArray[np.float32]]:
        """All embeddings, some thousands at a time: float32 [k, dim], NaN where an image has none."""
        for path in self.files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=shards.ROWS_AT_ONCE, columns=["embedding"]):
                    yield shards.read_vectors(batch.column(0), self.dim).astype(np.float32, copy=False)

    def paths(self) -> Iterator[str]:
        """The paths of all images."""
        for path in self.files:
            yield from pq.read_table(path, columns=["path"]).column(0).to_pylist()

    def paths_of(self, numbers: Sequence[int]) -> list[str]:
        """The paths of some rows, in the order asked for; nothing else is read, and no group of rows twice."""
        groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for number in numbers:
            shard, group, row = self._place(number)
            groups[shard, group].append((number, row))
        found = dict[int, str]()
        for (shard, group), places in groups.items():
            with pq.ParquetFile(self._file(shard)) as file:
                column = file.read_row_group(group, columns=["path"]).column(0)
            found |= {number: column[row].as_py() for number, row in places}
        return [found[number] for number in numbers]

    def ok(self) -> npt.NDArray[np.bool_]:
        """Which images have an embedding: bool [n]."""
        parts = [pq.read_table(path, columns=["ok"]).column(0).to_numpy() for path in self.files]
        return np.concatenate(parts).astype(np.bool_)

    def broken(self, most: int) -> list[tuple[str, str]]:
        """Path and error of the first images that have no embedding."""
        found: list[tuple[str, str]] = []
        for path in self.files:
            table = pq.read_table(path, columns=["path", "error"], filters=[("ok", "==", False)])
            found += [(row["path"], row["error"]) for row in table.slice(0, most - len(found)).to_pylist()]
            if len(found) == most:
                break
        return found

    def row(self, number: int) -> dict[str, Any]:
        """One row: `path`, `embedding` (float32 [dim], or `None`), `ok` and `error`."""
        shard, group, row = self._place(number)
        with pq.ParquetFile(self._file(shard)) as file:
            found = file.read_row_group(group).slice(row, 1)
        embedding = found.column("embedding").chunk(0)
        facts = found.drop_columns(["embedding"]).to_pylist()[0]
        vector = shards.read_vectors(embedding, self.dim)[0].astype(np.float32) if facts["ok"] else None
        return facts | {"embedding": vector}

    def items(self, numbers: list[int]) -> dict[int, Item]:
        """Images by number, from the input that was embedded.

        Raises:
            DataError: the input is gone, was changed, or cannot be read.
        """
        images = open_input(self.manifest["input"], self.output.path)
        wanted = set(numbers)
        try:
            passed = images.items(min(wanted), max(wanted) + 1) if wanted else []
            return {number: item for number, item in enumerate(passed, min(wanted, default=0)) if number in wanted}
        except (tf.errors.OpError, OSError) as error:  # of TFRecords or TFDS
            source = self.manifest["input"]["source"]
            raise DataError(f"{source} cannot be read any more ({type(error).__name__}); restore it.") from error

    @property
    def _num_files(self) -> int:
        return -(-len(self) // self._size)

    def _file(self, shard: int) -> Path:
        return self.output.shard(shard, self._num_files)

    def _place(self, number: int) -> tuple[int, int, int]:
        """Where a row is: its file, the group of rows in that, and the row in that."""
        shard, row = divmod(number, self._size)
        return shard, *divmod(row, shards.ROWS_AT_ONCE)


def open_collection(path: str | os.PathLike[str]) -> Collection:
    """What `aag-embed` wrote to a directory.

    Raises:
        EmbeddingError: there is nothing of ours, it is not finished, or a file of it is missing or damaged.
    """
    output = Output(path)
    if not output.path.is_dir():
        raise EmbeddingError(f"{output.path} is no directory; name one that aag-embed wrote.")
    manifest = output.read_manifest()
    if "embedded" not in manifest:
        raise EmbeddingError(f"{output.path} is not finished; give its aag-embed command again with --resume.")
    collection = Collection(output, manifest)
    size = manifest["settings"]["shard_size"]
    for number, file in enumerate(collection.files):
        if not shards.is_shard(file, min(size, len(collection) - number * size)):
            raise EmbeddingError(
                f"{file} is missing or damaged; give the aag-embed command again with --resume, which writes it anew."
            )
    return collection


def write_numpy(collection: Collection) -> None:
    """Writes the rows once more: `embeddings.npy`, float [n, dim] with NaN where there is none, and `paths.txt`."""
    output = collection.output
    dtype = np.dtype(collection.manifest["settings"]["dtype"])
    hidden = output.path / f".{output.vectors.name}"
    with hidden.open("wb") as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": (len(collection), collection.dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for vectors in collection.vectors():
            file.write(np.ascontiguousarray(vectors, dtype).data)
        os.fsync(file.fileno())
    hidden.replace(output.vectors)
    hidden = output.path / f".{output.names.name}"
    with hidden.open("w", encoding="utf-8", newline="\n") as lines:
        for path in collection.paths():
            lines.write(path.replace("\n", "\\n").replace("\r", "\\r") + "\n")
        os.fsync(lines.fileno())
    hidden.replace(output.names)
    sync(output.path)
