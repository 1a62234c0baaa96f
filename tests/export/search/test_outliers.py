"""Outliers: planted ones come first, by exactly the distance to the k-th neighbor, whatever the parts."""

import numpy as np
import pytest
from given_embeddings import GivenEmbeddings

from aag_tf.export.search import blocks, neighbor_similarities, outlier_distances
from aag_tf.utils.errors import EmbeddingError


def clusters():
    """Three dense clusters of fifty, and strange images: one alone (row 60), and three that are alike (70 to 72)."""
    rng = np.random.default_rng(0)
    centers = np.eye(8)[:3]
    vectors = np.repeat(centers, 50, axis=0) + 0.1 * rng.normal(size=(150, 8))
    vectors[60] = np.eye(8)[5] + 0.01
    vectors[70:73] = np.eye(8)[6] + 0.001 * rng.normal(size=(3, 8))
    return vectors


def by_hand(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return -np.sort(-cosines, axis=1)


@pytest.mark.parametrize(("rows", "tile"), [(8192, 2048), (41, 7), (1, 1)])
@pytest.mark.parametrize("k", [1, 4, 149])
def test_similarities_are_those_of_comparing_by_hand(monkeypatch, rows, tile, k):
    monkeypatch.setattr(blocks.blocks, "__defaults__", (rows,))
    monkeypatch.setattr(blocks, "TILE", tile)
    found = neighbor_similarities(GivenEmbeddings(clusters(), part=33), k)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(clusters())[:, :k], atol=1e-6)


def test_planted_outliers_are_the_farthest():
    vectors = clusters()
    distances = outlier_distances(GivenEmbeddings(vectors), 10)
    np.testing.assert_allclose(distances, 1 - by_hand(vectors)[:, 9], atol=1e-6)
    assert set(np.argsort(-distances)[:4]) == {60, 70, 71, 72}
    # With a neighbor of their own the three are as usual as any image.
    near = outlier_distances(GivenEmbeddings(vectors), 2)
    assert np.argmax(near) == 60
    assert near[70:73].max() < np.median(near)


def test_copies_have_no_distance_and_images_without_direction_none_that_counts():
    vectors = clusters()
    vectors[1] = 7 * vectors[0]
    vectors[2], vectors[3] = np.nan, 0
    distances = outlier_distances(GivenEmbeddings(vectors), 1)
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances.min() >= 0 or np.nanmin(distances) >= 0
    assert np.flatnonzero(np.isnan(distances)).tolist() == [2, 3]
    kept = np.delete(np.arange(150), [2, 3])
    np.testing.assert_allclose(distances[kept], 1 - by_hand(vectors[kept])[:, 0], atol=1e-6)


def test_too_few_embeddings_are_refused():
    vectors = clusters()[:12]
    vectors[3] = np.nan
    assert outlier_distances(GivenEmbeddings(vectors), 10).shape == (12,)
    with pytest.raises(
        EmbeddingError, match=r"^there are 11 embeddings, so that none has 11 neighbors; ask for fewer."
    ):
        outlier_distances(GivenEmbeddings(vectors), 11)
