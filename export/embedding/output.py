"""The directory of an embedded collection: names its files, and decides what may be written, continued or deleted.

manifest.json            which images, which encoder, which settings; and, at the end, how many were embedded
input.jsonl              the list of files, where the input is a folder or a list
parquet/part-00000-of-00012.parquet, ...
embeddings.npy, paths.txt    the same rows for NumPy, written last
index.faiss, index.json      an index over them, where aag-search was asked to build one
update.jsonl, update/part-... the list and the Parquet files of an update, until all of them are written
damaged/                     files that were not as they were written, and have been written anew
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import override

from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output_directory import LIST_FILE, OWN_SHARD, OutputDirectory, remove_files
from aag_tf.preflight.embed import EMBEDDINGS, MANIFEST_FILE, check_output

UPDATE_LIST_FILE = "update.jsonl"
VECTORS_FILE = "embeddings.npy"
NAMES_FILE = "paths.txt"
INDEX_FILE = "index.faiss"
INDEX_FACTS_FILE = "index.json"


class Output(OutputDirectory[Manifest]):
    """The files of one embedded collection.

    Args:
        path: the directory; it need not exist yet. For an address of a store the files are those of a local copy,
            which `fetch` brings up to date; only `StoredOutput` writes to a store.
    """

    json_format = EMBEDDINGS
    manifest_type = Manifest
    manifest_name = MANIFEST_FILE
    own_files = (LIST_FILE, UPDATE_LIST_FILE, VECTORS_FILE, NAMES_FILE, INDEX_FILE, INDEX_FACTS_FILE, MANIFEST_FILE)
    # The same rows once more, and an index, which is built where it is used.
    not_copied = (VECTORS_FILE, NAMES_FILE, INDEX_FILE, INDEX_FACTS_FILE)
    may_be_damaged = (VECTORS_FILE, NAMES_FILE)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.updated = self.path / "update"
        self.vectors = self.path / VECTORS_FILE
        self.names = self.path / NAMES_FILE

    def updated_shard(self, number: int, count: int) -> Path:
        """Path of a Parquet file of an update, until all of them are written."""
        return self.updated / self.shard(number, count).name

    @override
    def check(self, *, resume: bool = False, update: bool = False, overwrite: bool = False) -> None:
        """Checks that a run may use the directory, without changing it.

        Raises:
            EmbeddingError: it is a file, it is not empty and no flag is given, or it holds no output to resume, to
                update or to overwrite.
        """
        check_output(self.name, resume=resume, update=update, overwrite=overwrite)

    @override
    def clear(self) -> None:
        self.remove_update()
        super().clear()

    def remove_update(self) -> None:
        """Deletes the files of an update."""
        remove_files(self.updated, OWN_SHARD)
        (self.path / UPDATE_LIST_FILE).unlink(missing_ok=True)

    @override
    def leftovers(self) -> Iterator[Path]:
        yield from super().leftovers()
        own = re.compile(rf"\.{OWN_SHARD.pattern}(\.[0-9a-f]+)?")
        yield from [entry for entry in self.updated.glob(".*") if own.fullmatch(entry.name)]
