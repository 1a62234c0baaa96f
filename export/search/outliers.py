"""`--outliers`: the images of a collection that are the farthest from all others."""

import numpy as np

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.search.neighbor_similarities import outlier_distances
from aag_tf.export.search.report import Answer, Part
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.log import logger


def find_outliers(config: SearchConfig, collection: Collection) -> Answer:
    """Finds the images with the largest distance to their k-th neighbor; of equal ones the first."""
    assert config.outliers is not None
    count, k = len(collection), config.outlier_neighbors
    logger.info(
        "Comparing all %s pairs of %s images, for the distance of each to its neighbor %d (--outlier_neighbors).",
        f"{count * (count - 1) // 2:,}",
        f"{count:,}",
        k,
    )
    try:
        distances = outlier_distances(collection, k)
    except EmbeddingError as error:
        raise EmbeddingError(f"--outlier_neighbors={k}: {error}") from error
    known = np.flatnonzero(np.isfinite(distances))
    if config.outliers > len(known):
        raise EmbeddingError(f"--outliers={config.outliers}: {len(known):,} images have an embedding; ask for fewer.")
    rows = list(map(int, known[np.argsort(-distances[known], kind="stable")][: config.outliers]))
    paths = collection.paths_of(rows)
    values = [round(float(distances[row]), 6) for row in rows]
    table = list(zip(range(1, len(rows) + 1), rows, paths, values, strict=True))
    median = float(np.median(distances[known]))
    summary = (
        f"The {len(rows):,} of {len(known):,} images that are farthest from their neighbor {k} "
        f"(1 - cosine similarity, {values[0]:.4f} to {values[-1]:.4f}; the median of all is {median:.4f})."
    )
    lines = ["", f"{'distance':>10}  {'row':>9}  path"]
    lines += [f"{value:10.4f}  {row:9d}  {path}" for _, row, path, value in table[:20]]
    part = Part(rows, [f"{value:.4f}" for value in values])
    facts = {"neighbors": k, "median_distance": median}
    return Answer("Outliers", summary, ("rank", "row", "path", "distance"), table, [part], lines, facts)
