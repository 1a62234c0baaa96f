"""Embeddings in blocks that fit into memory, and each of them compared with every other: exact, in bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from aag_tf.evaluation.directions import directions

ROWS = 8192  # of a block: 32 MB at 1024 numbers each; a collection is read once for each block of it
TILE = 2048  # rows of a block that are compared at once: 64 MB of similarities


class Embeddings(Protocol):
    """A collection, or what has its embeddings."""

    def __len__(self) -> int:
        """Number of images, embedded or not."""
        ...

    def vectors(self) -> Iterator[npt.NDArray[np.floating]]:
        """All embeddings in parts, float [k, dim], from the first on in each call; NaN for an image without one."""
        ...


class Block(NamedTuple):
    """Embeddings that have a direction, scaled to length one.

    Args:
        rows: of the collection, int64 [k], ascending.
        directions: float32 [k, dim].
    """

    rows: npt.NDArray[np.int64]
    directions: npt.NDArray[np.float32]


class Tile(NamedTuple):
    """Part of a block beside another block.

    Args:
        first: rows of the collection, int64 [a].
        second: rows of the collection, int64 [b].
        similarities: cosine similarities, float32 [a, b].
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]


def blocks(embeddings: Embeddings, rows: int = ROWS) -> Iterator[Block]:
    """Yields all embeddings but those that are not finite or zeros, in blocks of `rows` rows of the collection."""
    waiting: list[npt.NDArray[np.floating]] = []
    count = before = 0

    def whole(parts: list[npt.NDArray[np.floating]]) -> Block:
        vectors = parts[0] if len(parts) == 1 else np.concatenate(parts)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = directions(vectors)
            known = np.isfinite(scaled).all(axis=1) & scaled.any(axis=1)
        return Block(before + np.flatnonzero(known), scaled[known])

    for part in embeddings.vectors():
        for start in range(0, len(part), rows):
            piece = part[start : start + rows]
            if waiting and count + len(piece) > rows:
                yield whole(waiting)
                before += count
                waiting, count = [], 0
            waiting.append(piece)
            count += len(piece)
    if waiting:
        yield whole(waiting)


def tiles(block: Block, other: Block) -> Iterator[Tile]:
    """Yields the similarities of each row of `block` to all rows of `other`."""
    for start in range(0, len(block.rows), TILE):
        part = slice(start, start + TILE)
        yield Tile(block.rows[part], other.rows, block.directions[part] @ other.directions.T)
