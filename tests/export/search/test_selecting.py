"""Images to label: one of each cluster that was made, the most typical one, the same in every run."""

import numpy as np
import pytest
import threadpoolctl

from aag_tf.export.search import selecting
from aag_tf.export.search.selecting import select_to_label
from aag_tf.utils.errors import EmbeddingError

SIZES = (40, 30, 20, 12)
CENTERS = np.eye(8)[:4]
OWNER = np.repeat(np.arange(4), SIZES)


@pytest.fixture(scope="module")
def vectors():
    """Four clusters of known sizes around known centers, in one order; the first image of each is its center."""
    vectors = CENTERS[OWNER] + 0.1 * np.random.default_rng(0).normal(size=(len(OWNER), 8))
    firsts = np.cumsum((0, *SIZES[:-1]))
    vectors[firsts] = CENTERS
    return vectors.astype(np.float32)


def test_each_cluster_gives_one_the_largest_first(vectors):
    found = select_to_label(vectors, 4)
    assert OWNER[found.rows].tolist() == [0, 1, 2, 3]
    assert found.sizes.tolist() == list(SIZES)
    assert len(set(found.clusters.tolist())) == 4


def test_a_typical_image_has_near_neighbors_and_a_central_one_is_near_the_mean(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for by in ("typical", "center"):
        found = select_to_label(vectors, 4, by=by)
        for row in found.rows:
            own = np.flatnonzero(OWNER[row] == OWNER)
            if by == "center":
                far = np.linalg.norm(units[own] - units[own].mean(axis=0), axis=1)
            else:
                each = np.linalg.norm(units[own][:, np.newaxis] - units[own], axis=2)
                far = np.sort(each, axis=1)[:, 1 : 1 + min(20, len(own) // 2)].mean(axis=1)
            assert own[np.argmin(far)] == row


def test_what_is_labeled_is_not_chosen_again_nor_its_clusters_first(vectors):
    first = select_to_label(vectors, 2, seed=1)
    beside = select_to_label(vectors, 2, labeled=[3, 45], seed=1)  # of the two largest clusters
    assert sorted(OWNER[beside.rows].tolist()) == [2, 3]
    assert not {3, 45} & set(beside.rows.tolist())
    everything = select_to_label(vectors, len(vectors) - 2, labeled=[3, 45])
    assert sorted([*everything.rows.tolist(), 3, 45]) == list(range(len(vectors)))
    assert len(first.rows) == 2


def test_more_than_the_most_clusters_take_turns(vectors, monkeypatch):
    monkeypatch.setattr(selecting, "MOST_CLUSTERS", 4)
    found = select_to_label(vectors, 10)
    assert OWNER[found.rows].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert len(set(found.rows.tolist())) == 10


def test_small_clusters_come_last(vectors):
    strange = np.eye(8, dtype=np.float32)[[6, 7, 7]]
    found = select_to_label(np.concatenate([vectors, strange]), 6)
    assert set(found.rows[:4].tolist()) <= set(range(len(vectors)))
    assert sorted(found.sizes[4:].tolist()) == [1, 2]


def test_the_same_seed_chooses_the_same_whatever_the_number_of_threads():
    vectors = np.random.default_rng(0).normal(size=(3000, 24)).astype(np.float32)
    once = select_to_label(vectors, 30, seed=3)
    with threadpoolctl.threadpool_limits(limits=1):
        again = select_to_label(vectors, 30, seed=3)
    assert once.rows.tolist() == again.rows.tolist()
    assert once.rows.tolist() != select_to_label(vectors, 30, seed=4).rows.tolist()
    assert len(set(once.rows.tolist())) == 30


def test_the_vectors_are_left_as_they_are_and_their_lengths_do_not_count(vectors):
    before = vectors.copy()
    lengths = np.random.default_rng(0).uniform(0.1, 10, (len(vectors), 1)).astype(np.float32)
    assert select_to_label(vectors * lengths, 4).rows.tolist() == select_to_label(vectors, 4).rows.tolist()
    np.testing.assert_array_equal(vectors, before)


def test_copies_make_fewer_clusters_than_asked_for():
    found = select_to_label(np.repeat(np.eye(4, dtype=np.float32), 10, axis=0), 8)
    assert sorted((found.rows // 10).tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_more_than_there_are_is_refused(vectors):
    with pytest.raises(EmbeddingError, match=r"^103 images are to be selected of 102 without a label; ask for fewer."):
        select_to_label(vectors, 103)
    with pytest.raises(EmbeddingError, match=r"^102 images are to be selected of 101 without a label"):
        select_to_label(vectors, 102, labeled=[5, 5])
