"""`--query=FOLDER`: the images of a collection that are most similar to each of many pictures."""

import numpy as np

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.search import index as indexes
from aag_tf.export.search.gallery import Entry
from aag_tf.export.search.itself import could_be_itself, find_itself, items_of_rows
from aag_tf.export.search.nearest import Neighbor, nearest_to_each
from aag_tf.export.search.query import queries_of
from aag_tf.export.search.report import Answer, Part
from aag_tf.export.search.search import COLUMNS, table_of
from aag_tf.utils.errors import EmbeddingError

MOST_ANSWERS = 5_000_000  # rows of the table: about two gigabytes in memory
QUERIES_NAMED = 20  # on the terminal


def find_for_each(config: SearchConfig, collection: Collection) -> Answer:
    """Finds the most similar images of each query, without the query itself."""
    exact = config.index == "exact" or (config.index is None and not indexes.is_usable(collection))
    if not exact:
        indexes.import_faiss()  # fails before the encoder is loaded
    queries = queries_of(config, collection)
    if len(queries) * config.top_k > MOST_ANSWERS:
        raise EmbeddingError(
            f"--top_k={config.top_k} images for {len(queries):,} queries are more than {MOST_ANSWERS:,}; lower --top_k "
            "or name a smaller folder."
        )
    wanted = config.top_k + 1  # the query may find itself
    if exact:
        answers = nearest_to_each(collection.vectors(), np.stack([query.embedding for query in queries]), wanted)
    else:
        index = indexes.load_or_build(collection)
        answers = [index.nearest(query.embedding, wanted) for query in queries]
    # The pictures of all at once, since every call reads the list of the input.
    close = {neighbor.row for neighbors in answers for neighbor in could_be_itself(neighbors)}
    items = items_of_rows(collection, sorted(close))
    found: list[list[Neighbor]] = []
    left_out = 0
    for query, neighbors in zip(queries, answers, strict=True):
        itself = find_itself(query, neighbors, collection, items)
        left_out += itself is not None
        found.append([neighbor for neighbor in neighbors if neighbor is not itself][: config.top_k])
    rows = sorted({neighbor.row for neighbors in found for neighbor in neighbors})
    path_of = dict(zip(rows, collection.paths_of(rows), strict=True))
    table, parts, lines = [], [], ["", f"{'similarity':>10}  {'row':>9}  query -> most similar"]
    for query, neighbors in zip(queries, found, strict=True):
        table += table_of(query.name, neighbors, [path_of[neighbor.row] for neighbor in neighbors])
        notes = [f"{neighbor.similarity:.4f}" for neighbor in neighbors]
        asked = Entry(query.name, "query", query.item)
        parts.append(Part([neighbor.row for neighbor in neighbors], notes, query.name, asked))
        if neighbors and len(parts) <= QUERIES_NAMED:
            row, similarity = neighbors[0]
            lines.append(f"{similarity:10.4f}  {row:9d}  {query.name} -> {path_of[row]}")
    if len(parts) > QUERIES_NAMED:
        lines.append(f"  ... and {len(parts) - QUERIES_NAMED:,} more queries")
    how = "all compared" if exact else "approximate index"
    are = "is" if left_out == 1 else "are"
    itself_too = f", of which {left_out:,} {are} in the collection and left out of the answers" if left_out else ""
    summary = (
        f"The {config.top_k:,} images of {len(collection):,} that are most similar to each of {len(queries):,} "
        f"pictures ({how}){itself_too}."
    )
    return Answer(f"Most similar to the pictures of {config.query}", summary, COLUMNS, table, parts, lines)
