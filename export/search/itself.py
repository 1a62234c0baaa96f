"""Finds the query among the answers to it: an image is the most similar to itself, which tells nobody anything."""

from collections.abc import Mapping, Sequence

import numpy as np

from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.items import Item
from aag_tf.export.search.nearest import Neighbor
from aag_tf.export.search.query import Query
from aag_tf.utils.errors import AagError, DataError
from aag_tf.utils.stores import local_path

ALIKE = 0.999  # cosine similarity of one picture's embeddings, at least: those of an index are at half precision
IDENTICAL = 1 - 1e-6  # of embeddings at full or half precision that differ by rounding alone
MOST_COMPARED = 100  # a collapsed encoder finds everything alike


def find_itself(
    query: Query, found: Sequence[Neighbor], collection: Collection, items: Mapping[int, Item] | None = None
) -> Neighbor | None:
    """Returns the answer that is the query, or `None`: at most one, so that further copies of a picture stay.

    It is the row of the query where that has one. A picture file is compared byte for byte with the most similar images
    (of equal ones, that of its own path is taken first). Where an image of the collection can no longer be read, it is
    the query if their embeddings are the same.

    Args:
        query: what was looked for.
        found: the answers, best first.
        collection: that has them.
        items: pictures of `could_be_itself`, where they are at hand; `None` reads them.
    """
    if query.row is not None:
        return next((neighbor for neighbor in found if neighbor.row == query.row), None)
    close = could_be_itself(found)
    items = items_of_rows(collection, [neighbor.row for neighbor in close]) if items is None else items
    content = _content(query.item)
    contents = [_content(items.get(neighbor.row)) for neighbor in close]
    same = [near for near, other in zip(close, contents, strict=True) if other is not None and other == content]
    if same:
        paths = collection.paths_of([neighbor.row for neighbor in same])
        own = local_path(query.name).absolute().as_posix()
        return next((near for near, path in zip(same, paths, strict=True) if f"/{own}".endswith(f"/{path}")), same[0])
    gone = [near for near, other in zip(close, contents, strict=True) if other is None]
    return next((neighbor for neighbor in gone if _is_identical(query, neighbor, collection)), None)


def could_be_itself(found: Sequence[Neighbor]) -> list[Neighbor]:
    """Returns the answers that are similar enough to be the query."""
    return [neighbor for neighbor in found if neighbor.similarity > ALIKE][:MOST_COMPARED]


def items_of(collection: Collection, found: Sequence[Neighbor]) -> list[Item | None]:
    """Returns the pictures of answers; `None` where the input of the collection is gone."""
    items = items_of_rows(collection, [neighbor.row for neighbor in found])
    return [items.get(neighbor.row) for neighbor in found]


def items_of_rows(collection: Collection, rows: list[int]) -> dict[int, Item]:
    """Returns the pictures of rows; none where the input of the collection is gone."""
    try:
        return collection.items(rows)
    except DataError:  # the answers are valid all the same
        return {}


def _content(item: Item | None) -> bytes | None:
    if item is None:
        return None
    try:
        with item.open() as file:
            return file.read()
    except (AagError, OSError):
        return None


def _is_identical(query: Query, neighbor: Neighbor, collection: Collection) -> bool:
    vector = collection.row(neighbor.row)["embedding"]
    first, second = directions(np.stack([query.embedding, vector]).astype(np.float64))
    return bool(first @ second >= IDENTICAL)
