"""Searches a collection for the images most similar to a query; returns a list, and a page of pictures."""

import dataclasses
from pathlib import Path

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import open_collection
from aag_tf.export.search import index as indexes
from aag_tf.export.search.gallery import Entry, Section, look_of, write_gallery
from aag_tf.export.search.itself import find_itself, items_of
from aag_tf.export.search.nearest import Neighbor, nearest
from aag_tf.export.search.query import query_of
from aag_tf.export.search.report import write_tables, written_lines
from aag_tf.preflight.search import check_outputs, outputs_of
from aag_tf.utils.text import Lines


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
        results: the tables, if they were asked for.
    """

    query: str
    found: list[Neighbor]
    paths: list[str]
    how: str
    gallery: Path | None
    left_out: str | None = None
    results: tuple[Path, ...] = ()

    def __str__(self) -> str:
        """A line for each image, best first."""
        lines = [f"{'similarity':>10}  {'row':>9}  path"]
        for (row, similarity), path in zip(self.found, self.paths, strict=True):
            lines.append(f"{similarity:10.4f}  {row:9d}  {path}")
        if self.left_out is not None:
            lines += ["", f"Left out, since it is the query itself: {self.left_out}"]
        return str(Lines(*lines, *written_lines(self.gallery, self.results)))


COLUMNS = ("query", "rank", "similarity", "row", "path")  # of the tables


def search(config: SearchConfig) -> SearchReport:
    """Finds the images whose embeddings have the highest cosine similarity with the query's.

    Raises:
        EmbeddingError: there is no collection, it has no such row, another encoder embedded it, or the library of the
            index is missing.
        ExportError: there is no encoder.
        DataError: the picture of the query cannot be read.
    """
    outputs = outputs_of(config)
    check_outputs(config)
    if config.index == "hnsw":
        indexes.import_faiss()  # fails before the encoder is loaded
    collection = open_collection(config.embeddings)
    if config.verify:
        collection.check(full=True)
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
    table = table_of(query.name, found, paths)
    results = write_tables(config, COLUMNS, table, {"how": how, "left_out": left_out})
    gallery = None
    if outputs.gallery:
        notes = [f"{neighbor.similarity:.4f}" for neighbor in found]
        entries = [Entry(*entry) for entry in zip(paths, notes, items_of(collection, found), strict=True)]
        look = look_of(collection, config.saved_model)
        section = Section(entries, Entry(query.name, "query", query.item))
        title = f"Most similar to {query.name}"
        gallery = write_gallery(outputs.gallery, title, how + look.caption, [section], look=look)
    return SearchReport(query.name, found, paths, how, gallery, left_out, results)


def table_of(name: str, found: list[Neighbor], paths: list[str]) -> list[tuple[str, int, float, int, str]]:
    """Returns the rows of the table for a query, with `COLUMNS`.

    Args:
        name: path of the query.
        found: the answers, best first.
        paths: of the answers.
    """
    return [
        (name, rank, round(similarity, 6), row, path)
        for rank, ((row, similarity), path) in enumerate(zip(found, paths, strict=True), 1)
    ]
