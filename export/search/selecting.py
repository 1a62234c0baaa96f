"""Which images to label first: those that stand for many, each from another part of the collection.

G. Hacohen, A. Dekel, D. Weinshall, *Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets*, arXiv
2202.02794 (2022), find that with few labels typical images teach the most (TypiClust): the images are clustered into as
many clusters as there will be labels, and from each of the largest clusters without a label the most typical image is
taken. The one in the middle of its cluster was better here (docs/measurements/selection.md), and is the default.
"""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import threadpoolctl

from aag_tf.config import CENTER, TYPICAL
from aag_tf.evaluation.directions import directions
from aag_tf.export.search.neighbor_similarities import neighbor_similarities
from aag_tf.utils import seeds
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.progress import no_progress, progress_bar

# Of the paper, section 3: number of clusters, neighbors that typicality is averaged over, and images of a cluster.
MOST_CLUSTERS, TYPICAL_NEIGHBORS, SMALLEST_CLUSTER = 500, 20, 5
ITERATIONS = 50  # of k-means: later ones move few images

Rows = npt.NDArray[np.int64]


class Selection(NamedTuple):
    """Chosen images, in the order in which they are to be labeled.

    Attributes:
        rows: of the embeddings, int64 [k].
        clusters: number of the cluster of each, int64 [k].
        sizes: number of images in that cluster, int64 [k].
    """

    rows: Rows
    clusters: Rows
    sizes: Rows


def select_to_label(
    vectors: npt.NDArray[np.floating],
    count: int,
    *,
    labeled: npt.NDArray[np.integer] | None = None,
    by: str = CENTER,
    seed: int = 0,
) -> Selection:
    """Chooses `count` embeddings that stand for all of them.

    They are scaled to length one and clustered by k-means into as many clusters as there will be labels, 500 at most.
    Clusters with the fewest labels come first, of these the largest; those of fewer than 5 images come last.

    Args:
        vectors: float [n, dim], finite.
        count: how many.
        labeled: rows that have a label already, int; none of them is chosen.
        by: `typical` takes the image of a cluster with the smallest mean distance to its 20 nearest neighbors in the
            cluster; `center` the one nearest to the cluster's mean.
        seed: of k-means. The same arguments choose the same rows, whatever the number of threads.

    Raises:
        EmbeddingError: there are fewer than `count` embeddings without a label.
    """
    known = np.unique(np.asarray([] if labeled is None else labeled, np.int64))
    free = len(vectors) - len(known)
    if count > free:
        raise EmbeddingError(f"{count:,} images are to be selected of {free:,} without a label; ask for fewer.")
    scaled = directions(vectors)
    clusters, centers = _cluster(scaled, min(count + len(known), MOST_CLUSTERS, len(vectors)), seed)
    sizes = np.bincount(clusters, minlength=len(centers))
    labels = np.bincount(clusters[known], minlength=len(centers))
    order = np.lexsort((np.arange(len(centers)), -sizes, labels, sizes < SMALLEST_CLUSTER))
    left = np.ones(len(vectors), np.bool_)
    left[known] = False
    chosen: list[int] = []
    with progress_bar("selecting", count, "img") as bar:
        for cluster in _turns(order):
            rows = np.flatnonzero((clusters == cluster) & left)
            if len(rows):
                scores = _typicality(scaled[rows]) if by == TYPICAL else scaled[rows] @ centers[cluster]
                chosen.append(int(rows[np.argmax(scores)]))  # of equal ones the first
                left[chosen[-1]] = False
                bar.update()
            if len(chosen) == count:
                break
    found = np.array(chosen, np.int64)
    return Selection(found, clusters[found], sizes[clusters[found]])


def _turns(order: Rows) -> Iterator[int]:
    """Yields the clusters in their order, again and again."""
    while True:
        yield from order.tolist()


def _cluster(scaled: npt.NDArray[np.float32], count: int, seed: int) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Returns the cluster of each row, and the mean of each cluster."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    state = int(seeds.generator(seed, "clusters").integers(2**31))
    means = KMeans(count, n_init=1, max_iter=ITERATIONS, random_state=state, copy_x=False)
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(limits=1):  # threads add up in changing orders
        warnings.simplefilter("ignore", ConvergenceWarning)  # copies: fewer different images than clusters
        means.fit(scaled)
    return means.labels_.astype(np.int64), means.cluster_centers_


@no_progress()  # inside the bar over images
def _typicality(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns minus the mean Euclidean distance of each row to its nearest neighbors, float32 [n]."""
    k = min(TYPICAL_NEIGHBORS, len(scaled) // 2)
    if k == 0:
        return np.zeros(len(scaled), np.float32)
    similarities = neighbor_similarities(_Array(scaled), k)
    return -np.sqrt(np.clip(2 - 2 * similarities, 0, None)).mean(axis=1)


class _Array:
    """Embeddings in memory."""

    def __init__(self, array: npt.NDArray[np.floating]) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def vectors(self) -> Iterator[npt.NDArray[np.floating]]:
        """The array."""
        yield self._array
