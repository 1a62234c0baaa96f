"""An index over a collection, with the library faiss: approximate search among millions of embeddings in milliseconds.

It is a graph of neighbors (Malkov and Yashunin, *Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs*, arXiv 1603.09320) over the embeddings at half precision, kept beside them.
"""

import hashlib
import importlib.util
import json
import secrets
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.output import INDEX_FACTS_FILE, INDEX_FILE
from aag_tf.export.search.nearest import Neighbor
from aag_tf.utils.atomic import sync, write_atomically
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.progress import progress_bar

FACTORY = "HNSW32_SQfp16"  # 32 neighbors a node: the usual choice; half precision moves a cosine by less than 1e-3
CONSTRUCTION_WIDTH = 200  # candidates compared while a node gets its neighbors; a search compares at least as many
SEARCH_WIDTH = 256


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
    """Whether the collection has an index of its present embeddings."""
    try:
        facts = read_json_object(collection.output.path / INDEX_FACTS_FILE)
    except (OSError, ValueError):
        return False
    return facts == _facts(collection) and (collection.output.path / INDEX_FILE).is_file()


def load_or_build(collection: Collection) -> Index:
    """Loads the index of a collection; builds it first, beside the embeddings, if there is none.

    Raises:
        EmbeddingError: faiss is not installed, or the index cannot be read or written.
    """
    faiss = import_faiss()
    path = collection.output.path / INDEX_FILE
    rows = np.flatnonzero(collection.ok())
    try:
        if not is_built(collection):
            _write(faiss, _build(faiss, collection), path)
            write_atomically(path.with_name(INDEX_FACTS_FILE), json.dumps(_facts(collection), indent=2) + "\n")
        index = faiss.read_index(str(path))
    except OSError as error:
        raise EmbeddingError(f"{path} cannot be written ({error.strerror}); search with --index=exact.") from error
    except RuntimeError as error:
        raise EmbeddingError(f"{path} cannot be read; delete it, and it will be built again.") from error
    if index.ntotal != len(rows) or index.d != collection.dim:
        raise EmbeddingError(
            f"{path} does not belong to the embeddings beside it; delete it, and it will be built again."
        )
    return Index(index, rows)


def _build(faiss: ModuleType, collection: Collection) -> Any:
    index = faiss.index_factory(collection.dim, FACTORY, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = CONSTRUCTION_WIDTH
    with progress_bar("building the index", len(collection), "img") as bar:
        for part in collection.vectors():
            known = np.isfinite(part).all(axis=1)
            index.add(directions(part[known]))
            bar.update(len(part))
    return index


def _write(faiss: ModuleType, index: Any, path: Path) -> None:
    hidden = path.with_name(
        f".{path.name}.{secrets.token_hex(6)}"
    )  # random, since several processes may build an index at once
    try:
        faiss.write_index(index, str(hidden))
        sync(hidden)
        hidden.replace(path)
    except RuntimeError as error:  # the one class of faiss
        raise EmbeddingError(
            f"{path} cannot be written; free some disk space, or search with --index=exact."
        ) from error
    finally:
        hidden.unlink(missing_ok=True)
    sync(path.parent)


def _facts(collection: Collection) -> dict[str, Any]:
    """What an index depends on; kept beside it."""
    manifest = json.dumps(collection.manifest.to_json(), sort_keys=True)
    return {
        "factory": FACTORY,
        "construction_width": CONSTRUCTION_WIDTH,
        "collection": hashlib.sha256(manifest.encode()).hexdigest(),
    }
