"""An index over a collection, with the library faiss: approximate search among millions of embeddings in milliseconds.

It is a graph of neighbors (Malkov and Yashunin, *Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs*, arXiv 1603.09320) over the embeddings at half precision, kept beside them.
"""

import dataclasses
import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding import Collection, shards
from aag_tf.export.embedding.output import INDEX_FACTS_FILE, INDEX_FILE
from aag_tf.export.search.nearest import Neighbor
from aag_tf.utils.atomic import open_atomically, write_atomically
from aag_tf.utils.digests import DigestWriter, FileFacts
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.progress import progress_bar

FACTORY = "HNSW32_SQfp16"  # 32 neighbors a node: the usual choice; half precision moves a cosine by less than 1e-3
CONSTRUCTION_WIDTH = 200  # candidates compared while a node gets its neighbors; a search compares at least as many
SEARCH_WIDTH = 256
AGAIN = "delete it, and it will be built again by --index=hnsw, or search with --index=exact"


class Index:
    """A loaded index.

    Args:
        index: of faiss.
        rows: int64 [k], row of the collection for every embedding of the index.
    """

    def __init__(self, index: Any, rows: npt.NDArray[np.int64]) -> None:
        self._index, self._rows = index, rows

    def nearest(self, query: npt.NDArray[np.floating], top_k: int) -> list[Neighbor]:
        """Returns the `top_k` most similar embeddings, as `aag_tf.export.search.nearest` but with a few misses."""
        self._index.hnsw.efSearch = max(SEARCH_WIDTH, 2 * top_k)
        similarities, found = self._index.search(directions(query[np.newaxis]), min(top_k, len(self._rows)))
        pairs = zip(found[0], similarities[0], strict=True)
        # faiss returns -1 for missing results.
        return [Neighbor(int(self._rows[number]), float(value)) for number, value in pairs if number >= 0]


def import_faiss() -> ModuleType:
    """Imports the library.

    Raises:
        EmbeddingError: it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise EmbeddingError(
            "--index=hnsw needs the library faiss: pip install 'aag-tf[search]', or search with --index=exact."
        ) from error
    return faiss


def is_usable(collection: Collection) -> bool:
    """Whether an index is built and its library installed."""
    return is_built(collection) and importlib.util.find_spec("faiss") is not None


def is_built(collection: Collection) -> bool:
    """Whether the collection has an index of its present embeddings, damaged or not."""
    return _read_facts(collection) is not None and (collection.output.path / INDEX_FILE).is_file()


def load_or_build(collection: Collection) -> Index:
    """Loads the index of a collection; builds it first, beside the embeddings, if there is none.

    Raises:
        EmbeddingError: faiss is not installed; another process writes to the collection; or the index cannot be read
            or written, or is damaged.
    """
    faiss = import_faiss()
    rows = np.flatnonzero(collection.ok())
    if not is_built(collection):
        with collection.output.writing():
            if collection.output.read_manifest() != collection.manifest:
                raise EmbeddingError(f"{collection.output.name} was changed meanwhile; give the command again.")
            if not is_built(collection):  # by another process, until now
                _build_and_write(faiss, collection)
    path = collection.output.path / INDEX_FILE
    index = _read(faiss, path, _facts_of_file(_read_facts(collection) or {}))
    if index.ntotal != len(rows) or index.d != collection.dim:
        raise EmbeddingError(f"{path} does not belong to the embeddings beside it; {AGAIN}.")
    return Index(index, rows)


def _build_and_write(faiss: ModuleType, collection: Collection) -> None:
    path = collection.output.path / INDEX_FILE
    facts_file = path.with_name(INDEX_FACTS_FILE)
    index = _build(faiss, collection)
    try:
        collection.output.remove_leftovers()
        for file in (facts_file, path):  # of an earlier index
            file.unlink(missing_ok=True)
        with open_atomically(path) as opened:
            writer = DigestWriter(opened)  # faiss says nothing of a full disk where it writes by itself
            faiss.write_index(index, faiss.PyCallbackIOWriter(writer.write))
        facts = _facts(collection) | dataclasses.asdict(writer.facts)
        try:
            write_atomically(facts_file, json.dumps(facts, indent=2) + "\n")
        except OSError:
            path.unlink()  # without its facts it would only take space
            raise
    except OSError as error:
        raise EmbeddingError(f"{path} cannot be written ({error.strerror}); search with --index=exact.") from error


def _read(faiss: ModuleType, path: Path, facts: FileFacts | None) -> Any:
    """Reads an index.

    Args:
        faiss: the library.
        path: of the file.
        facts: which it is compared with first, since faiss reads other numbers, or crashes, where it is damaged; `None`
            where an earlier version noted none.

    Raises:
        EmbeddingError: it is damaged, or cannot be read now.
    """
    try:
        with shards.reporting_unreadable(path):
            if facts is not None and (fault := facts.fault(path)):
                raise EmbeddingError(f"{path} {fault}; {AGAIN}.")
            return faiss.read_index(str(path))
    except RuntimeError as error:
        raise EmbeddingError(f"{path} cannot be read; {AGAIN}.") from error


def _build(faiss: ModuleType, collection: Collection) -> Any:
    index = faiss.index_factory(collection.dim, FACTORY, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = CONSTRUCTION_WIDTH
    with progress_bar("building the index", len(collection), "img") as bar:
        for part in collection.vectors():
            known = np.isfinite(part).all(axis=1)
            index.add(directions(part[known]))
            bar.update(len(part))
    return index


def _read_facts(collection: Collection) -> dict[str, Any] | None:
    """Returns the facts beside an index; `None` if there are none, or if it is not of the present embeddings."""
    try:
        facts = read_json_object(collection.output.path / INDEX_FACTS_FILE)
        _facts_of_file(facts)
    except (OSError, ValueError):
        return None
    return facts if facts.items() >= _facts(collection).items() else None


def _facts_of_file(facts: dict[str, Any]) -> FileFacts | None:
    """Returns the facts of the index itself; `None` where an earlier version noted none.

    Raises:
        ValueError: they are damaged.
    """
    return read_fields(FileFacts, facts) if "sha256" in facts else None


def _facts(collection: Collection) -> dict[str, Any]:
    """What an index depends on; kept beside it."""
    manifest = json.dumps(collection.manifest.to_json(), sort_keys=True)
    return {
        "factory": FACTORY,
        "construction_width": CONSTRUCTION_WIDTH,
        "collection": hashlib.sha256(manifest.encode()).hexdigest(),
    }
