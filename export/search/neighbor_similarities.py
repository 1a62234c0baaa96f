"""The nearest neighbors of every embedding among all others, and what follows from them: outliers and typicality."""

import numpy as np
import numpy.typing as npt

from aag_tf.export.search.blocks import Embeddings, blocks, tiles
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.progress import progress_bar

Similarities = npt.NDArray[np.float32]


def neighbor_similarities(embeddings: Embeddings, k: int) -> Similarities:
    """Returns the cosine similarities of each embedding to the `k` most similar others, the most similar first.

    Every pair is compared, in blocks: 2 n² · dim operations for n images, and 4 k bytes an image.

    Args:
        embeddings: a collection, or any part of one.
        k: number of neighbors.

    Returns:
        float32 [n, k]; NaN for a row without embedding, and for one whose embedding is all zeros.

    Raises:
        EmbeddingError: there are not more than `k` embeddings.
    """
    found = np.full((len(embeddings), k), np.nan, np.float32)
    known = 0
    with progress_bar("comparing", len(embeddings), "img") as bar:
        for block in blocks(embeddings):
            best = np.full((len(block.rows), k), -np.inf, np.float32)
            for other in blocks(embeddings):
                before = 0
                for tile in tiles(block, other):
                    own = slice(before, before + len(tile.first))
                    before = own.stop
                    tile.similarities[tile.first[:, np.newaxis] == tile.second] = -np.inf  # no neighbor of itself
                    both = np.concatenate([best[own], tile.similarities], axis=1)
                    best[own] = np.partition(both, -k, axis=1)[:, -k:]
            found[block.rows] = -np.sort(-best, axis=1)
            known += len(block.rows)
            bar.update(len(block.rows))
    if known <= k:
        raise EmbeddingError(f"there are {known:,} embeddings, so that none has {k:,} neighbors; ask for fewer.")
    return found


def outlier_distances(embeddings: Embeddings, k: int) -> Similarities:
    """Returns how far each embedding is from its `k`-th nearest neighbor: 1 - cosine similarity, float32 [n], 0 to 2.

    S. Ramaswamy, R. Rastogi, K. Shim, *Efficient Algorithms for Mining Outliers from Large Data Sets*, SIGMOD (2000),
    rank by this distance; Y. Sun et al., *Out-of-Distribution Detection with Deep Nearest Neighbors*, arXiv 2204.06507
    (2022), find it to work on embeddings of networks that are scaled to length one.

    Args:
        embeddings: a collection.
        k: number of the neighbor.

    Returns:
        NaN for a row without embedding, and for one whose embedding is all zeros.

    Raises:
        EmbeddingError: there are not more than `k` embeddings.
    """
    return np.clip(1 - neighbor_similarities(embeddings, k)[:, -1], 0, 2)
