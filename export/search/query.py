"""The query of a search as an embedding: a picture file, each of a folder, or an image of the collection."""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config import SearchConfig
from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.walking import walk_pictures
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.items import Item, open_listed
from aag_tf.export.embedding.reading import read_batches
from aag_tf.preflight.search import outputs_of
from aag_tf.runs import exported
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.log import logger
from aag_tf.utils.paths import user_path
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores import fetched, named
from aag_tf.utils.text import shown

QUERIES_AT_ONCE = 64
NAMED = 3  # pictures that a warning names


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
        query = _from_row(config.like, collection, pictured=bool(outputs_of(config).gallery))
    else:
        assert config.query is not None
        query = _from_picture(config.query, collection, config)
    if fault := _fault_of(query.embedding):
        raise EmbeddingError(
            f"the embedding of {query.name} {fault}, so that nothing is similar to it; ask for another."
        )
    return query


def queries_of(config: SearchConfig, collection: Collection) -> list[Query]:
    """Returns a query for each picture in the folder `--query`, sorted by path; warns of those that cannot be read.

    Raises:
        DataError: no picture in it can be read.
        EmbeddingError: the encoder is not the one that embedded the collection.
        ExportError: there is no encoder at the path in the collection or in `--saved_model`.
    """
    assert config.query is not None
    folder = user_path(config.query)
    names = list(walk_pictures(folder, Links(advice="name the folder that they lead to")))
    if not names:
        raise DataError(f"--query={config.query} holds no pictures; name a picture file, or a folder of them.")
    model = _encoder(config, collection)
    items = [_item(folder / name) for name in names]
    found, faults = list[Query](), list[str]()
    with progress_bar("embedding queries", len(items), "img") as bar:
        sizes = itertools.repeat(QUERIES_AT_ONCE)
        for batch in read_batches(items, model.image_shape, sizes, reading=model.metadata.record.reading):
            for name, embedding, error in zip(batch.names, model(batch.pixels).numpy(), batch.errors, strict=True):
                fault = error or _fault_of(embedding)
                if fault:
                    faults.append(f"{name} ({fault})")
                else:
                    found.append(Query(name, embedding, None, _item(Path(name))))
            bar.update(len(batch.names))
    if faults:
        more = f" and {len(faults) - NAMED:,} more" if len(faults) > NAMED else ""
        said = f"{len(faults):,} of {len(names):,} pictures cannot be queries: {', '.join(faults[:NAMED])}{more}"
        if not found:
            raise DataError(f"--query={config.query}: {said}; name a folder with pictures.")
        logger.warning("--query=%s: %s.", config.query, said)
    return found


def _fault_of(embedding: npt.NDArray[np.floating]) -> str | None:
    length = np.linalg.norm(embedding.astype(np.float64))
    if 0 < length < np.inf:
        return None
    return "is all zeros" if length == 0 else "has numbers that are not finite"


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


def _from_picture(path: str, collection: Collection, config: SearchConfig) -> Query:
    item = _item(fetched(path))
    model = _encoder(config, collection)
    batch = next(read_batches([item], model.image_shape, [1], 1, reading=model.metadata.record.reading))
    if batch.errors[0] is not None:
        raise DataError(f"--query={path} cannot be read ({batch.errors[0]}); name a picture file.")
    return Query(path, model(batch.pixels).numpy()[0], None, item)


def _item(file: Path) -> Item:
    path = os.fspath(file)
    return Item(path, lambda: open_listed(path, stamp_of(path)))


def _encoder(config: SearchConfig, collection: Collection) -> exported.SavedEncoder:
    """Loads the encoder that embedded the collection."""
    embedded_by = collection.manifest.model
    directory = version_directory(config.saved_model or embedded_by.path)
    if exported.digest(directory) != embedded_by.digest:
        raise EmbeddingError(
            f"{named(directory)} is not the encoder that embedded the collection, so distances between the two mean "
            f"nothing; name the one that did (it was {embedded_by.path}) with --saved_model, or embed the "
            "collection again."
        )
    return exported.load_saved_model(directory, trust_model=config.trust_model)
