"""From batches of pixels to rows of embeddings."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config import EmbedConfig
from aag_tf.evaluation.directions import directions
from aag_tf.export.embedding.computing import compute
from aag_tf.export.embedding.reading import Batch
from aag_tf.export.embedding.shards import Rows
from aag_tf.runs.exported import SavedEncoder
from aag_tf.utils.image_progress import ImageProgress


def embed_batch(model: SavedEncoder, batch: Batch, *, normalize: bool, dtype: str) -> Rows:
    """Embeds a batch; an image that could not be read, or whose embedding is not finite in `dtype`, has an error."""
    errors = list(batch.errors)
    vectors = np.zeros((len(errors), model.metadata.embedding_dim), dtype)
    if not all(errors):
        found = _embed(model, batch.pixels)
        if normalize:
            found = directions(found)
        with np.errstate(over="ignore"):  # what is too large for half precision becomes an error below
            vectors = found.astype(dtype)
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
        errors[row] = errors[row] or f"the embedding has numbers that are not finite in {dtype}"
    vectors[[error is not None for error in errors]] = 0
    return Rows(batch.names, vectors, errors)


def _embed(model: SavedEncoder, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Embeds images, fewer at once where the model makes several views of each: memory then does not grow with them."""
    size = max(1, len(pixels) // model.metadata.embed_views)
    parts = [model(tf.constant(pixels[start : start + size])).numpy() for start in range(0, len(pixels), size)]
    return np.concatenate(parts)


def embed_rows(
    config: EmbedConfig, model: SavedEncoder, batches: Iterator[Batch], rows: Sequence[int], progress: ImageProgress
) -> Rows:
    """Takes the batches of some rows of one Parquet file."""
    names: list[str] = []
    errors: list[str | None] = []
    vectors: npt.NDArray[np.floating] = np.empty((len(rows), model.metadata.embedding_dim), config.dtype)

    def embed(batch: Batch) -> Rows:
        return embed_batch(model, batch, normalize=config.normalize, dtype=config.dtype)

    go_on = "--update" if config.update else "--resume"
    for done in compute(batches, rows, embed, progress, batch_size=config.batch_size, go_on=go_on):
        vectors[len(names) : len(names) + len(done.paths)] = done.embeddings
        names += done.paths
        errors += done.errors
    return Rows(names, vectors, errors)
