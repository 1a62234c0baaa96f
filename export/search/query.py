"""The query of a search: a picture file, or an image of the collection, as an embedding."""

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.items import Item, open_listed, stamp_of
from aag_tf.export.embedding.reading import read_batches
from aag_tf.runs import exported
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.stores import fetched, named
from aag_tf.utils.text import shown


class Query(NamedTuple):
    """A query.

    Args:
        name: path of the picture.
        embedding: float [dim].
        row: of the collection, `None` for a picture file.
        item: the picture; `None` if the collection's input is gone, or no page was asked for.
    """

    name: str
    embedding: npt.NDArray[np.floating]
    row: int | None
    item: Item | None


def query_of(config: SearchConfig, collection: Collection) -> Query:
    """Returns the query of `--query` or `--like`.

    Raises:
        DataError: the picture cannot be read.
        EmbeddingError: the collection has no such row, or none with an embedding; or the encoder is not the one that
            embedded the collection; or the embedding is zero or not finite.
        ExportError: there is no encoder at the path in the collection or in `--saved_model`.
    """
    if config.like is not None:
        query = _from_row(config.like, collection, pictured=bool(config.gallery))
    else:
        assert config.query is not None
        query = _from_picture(config.query, collection, config.saved_model)
    length = np.linalg.norm(query.embedding.astype(np.float64))
    if not 0 < length < np.inf:
        fault = "is all zeros" if length == 0 else "has numbers that are not finite"
        raise EmbeddingError(
            f"the embedding of {query.name} {fault}, so that nothing is similar to it; ask for another."
        )
    return query


def _from_row(like: str, collection: Collection, *, pictured: bool) -> Query:
    number = int(like) if like.isdecimal() else _find(like, collection)
    if not 0 <= number < len(collection):
        raise EmbeddingError(
            f"--like={like}: there are {len(collection)} images; give a row from 0 to {len(collection) - 1}, or a path."
        )
    row = collection.row(number)
    if not row["ok"]:
        raise EmbeddingError(f"--like={like} has no embedding, because it could not be read: {row['error']}.")
    try:
        item = collection.items([number])[number] if pictured else None
    except DataError:
        item = None
    return Query(row["path"], row["embedding"], number, item)


def _find(path: str, collection: Collection) -> int:
    for number, name in enumerate(collection.paths()):
        if name == path:
            return number
    example = next(collection.paths())
    raise EmbeddingError(
        f"--like={path} is no path of the collection; give a path such as {shown(example)}, or the number of a row."
    )


def _from_picture(path: str, collection: Collection, moved: str | None) -> Query:
    file = fetched(path)
    item = Item(os.fspath(file), lambda: open_listed(os.fspath(file), stamp_of(file)))
    embedded_by = collection.manifest.model
    directory = version_directory(moved or embedded_by.path)
    if exported.digest(directory) != embedded_by.digest:
        raise EmbeddingError(
            f"{named(directory)} is not the encoder that embedded the collection, so distances between the two mean "
            f"nothing; name the one that did (it was {embedded_by.path}) with --saved_model, or embed the "
            "collection again."
        )
    model = exported.load_saved_model(directory)
    batch = next(read_batches([item], model.image_shape, [1], 1, reading=model.metadata.record.reading))
    if batch.errors[0] is not None:
        raise DataError(f"--query={path} cannot be read ({batch.errors[0]}); name a picture file.")
    return Query(path, model(batch.pixels).numpy()[0], None, item)
