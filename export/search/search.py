"""Searches a collection for the images most similar to a query; returns a list, and a page of pictures."""

import dataclasses
from pathlib import Path

from aag_tf.config import SearchConfig
from aag_tf.data import choose_bands
from aag_tf.export.embedding import Collection, open_collection
from aag_tf.export.search import index as indexes
from aag_tf.export.search.gallery import Entry, Look, write_gallery
from aag_tf.export.search.itself import find_itself, items_of
from aag_tf.export.search.nearest import Neighbor, nearest
from aag_tf.export.search.query import query_of
from aag_tf.preflight.search import check_gallery
from aag_tf.runs import exported
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import AagError
from aag_tf.utils.stores import named
from aag_tf.utils.text import shown


@dataclasses.dataclass(frozen=True)
class SearchReport:
    """The result of a search.

    Args:
        query: name of the query.
        found: the most similar images, best first.
        paths: the path of each.
        how: number of images, and way of searching.
        gallery: the page that shows them, if one was asked for.
        left_out: the path of the query itself, if it is in the collection and would have been found.
    """

    query: str
    found: list[Neighbor]
    paths: list[str]
    how: str
    gallery: Path | None
    left_out: str | None = None

    def __str__(self) -> str:
        """A line for each image, best first."""
        lines = [f"{'similarity':>10}  {'row':>9}  path"]
        for (row, similarity), path in zip(self.found, self.paths, strict=True):
            lines.append(f"{similarity:10.4f}  {row:9d}  {shown(path)}")
        if self.left_out is not None:
            lines.append(f"\nLeft out, since it is the query itself: {shown(self.left_out)}")
        if self.gallery is not None:
            lines.append(f"\nThe pictures: {named(self.gallery)}")
        return "\n".join(lines)


def search(config: SearchConfig) -> SearchReport:
    """Finds the images whose embeddings have the highest cosine similarity with the query's.

    Raises:
        EmbeddingError: there is no collection, it has no such row, another encoder embedded it, or the library of the
            index is missing.
        ExportError: there is no encoder.
        DataError: the picture of the query cannot be read.
    """
    if config.gallery:
        check_gallery(config.gallery)
    if config.index == "hnsw":
        indexes.import_faiss()  # fails before the encoder is loaded
    collection = open_collection(config.embeddings)
    query = query_of(config, collection)
    exact = config.index == "exact" or (config.index is None and not indexes.is_usable(collection))
    wanted = config.top_k + 1  # the query may find itself
    if exact:
        found = nearest(collection.vectors(), query.embedding, wanted)
    else:
        found = indexes.load_or_build(collection).nearest(query.embedding, wanted)
    itself = find_itself(query, found, collection)
    found = [neighbor for neighbor in found if neighbor is not itself][: config.top_k]
    rows = [neighbor.row for neighbor in found] + ([] if itself is None else [itself.row])
    paths = collection.paths_of(rows)
    left_out = None if itself is None else paths.pop()
    how = f"{len(collection):,} images, {'all compared' if exact else 'approximate index'}"
    gallery = None
    if config.gallery:
        items = items_of(collection, found)
        notes = [f"{neighbor.similarity:.4f}" for neighbor in found]
        entries = [Entry(*entry) for entry in zip(paths, notes, items, strict=True)]
        asked = Entry(query.name, "query", query.item)
        look = _look(collection, config.saved_model)
        caption = f"; {look.bands.caption}" if look.bands is not None and look.bands.caption else ""
        title = f"Most similar to {query.name}"
        gallery = write_gallery(config.gallery, title, how + caption, asked, entries, look=look)
    return SearchReport(query.name, found, paths, how, gallery, left_out)


def _look(collection: Collection, moved: str | None) -> Look:
    """Returns how the pictures of a collection are shown: as the encoder's training read them, where it is there."""
    embedded_by = collection.manifest.model
    channels = embedded_by.image_shape[2]
    try:
        record = exported.read_metadata(version_directory(moved or embedded_by.path)).record
    except AagError:  # a search by row needs no encoder
        return Look(bands=choose_bands(channels))
    return Look(record.reading, choose_bands(channels, record.config.data.reading.shown_bands))
