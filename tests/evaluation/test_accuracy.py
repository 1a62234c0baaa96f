"""Classes of uneven and of few images: the largest class, balanced accuracy, recall among the neighbors, and k."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from aag_tf.config import ProtocolConfig
from aag_tf.evaluation import Examples, FeatureSet, measure_all, usual_k
from aag_tf.evaluation.bootstrap import balanced_interval, mean_interval


def feature_set(bank, queries, **settings):
    return FeatureSet("features", Examples(*bank), Examples(*queries), ProtocolConfig(**settings))


@pytest.fixture(scope="module")
def uneven():
    """Noise whose labels are 90, 6 and 4 percent."""
    rng = np.random.default_rng(0)

    def noise(count):
        labels = np.repeat([0, 1, 2], [90 * count // 100, 6 * count // 100, 4 * count // 100])
        return rng.normal(size=(count, 8)).astype(np.float32), labels

    features = feature_set(noise(1000), noise(500), measures="knn,linear")
    return features, measure_all(features)


@pytest.fixture(scope="module")
def pairs():
    """700 classes of two images that are alike, one to learn from and one to evaluate."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(700, 16))
    bank, queries = ((centers + 0.1 * rng.normal(size=centers.shape)).astype(np.float32) for _ in range(2))
    return (bank, np.arange(700)), (queries, np.arange(700))


def test_noise_is_as_good_as_the_largest_class_and_no_better_than_chance_over_classes(uneven):
    features, result = uneven
    majority = result.measure("majority")
    assert (majority.value, majority.details) == (0.9, {"label": 0})
    assert (majority.low, majority.high) == mean_interval(features.query_labels == 0)
    for name, predictions in (("knn", features.knn_predictions), ("linear", features.probe_predictions)):
        balanced = result.measure(f"{name}_balanced")
        assert balanced.value == pytest.approx(balanced_accuracy_score(features.query_labels, predictions))
        assert balanced.value == pytest.approx(1 / 3, abs=0.04)
        assert balanced.low <= balanced.value <= balanced.high
        assert result.measure(name).value == pytest.approx(0.9, abs=0.02)
    assert result.measure("recall@1") is None


def test_even_classes_have_no_balanced_accuracy():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 4)).astype(np.float32)
    even = np.repeat([0, 1], [80, 40])  # twice as many, and no more
    names = [
        [
            measure.name
            for measure in measure_all(feature_set((features, labels), (features, labels), measures="knn")).measures
        ]
        for labels in (even, np.repeat([0, 1], [81, 39]))
    ]
    assert names == [["majority", "knn"], ["majority", "knn", "knn_balanced"]]


def test_the_balanced_interval_covers_what_resampling_within_classes_gives():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [400, 60, 40])
    right = rng.random(500) < np.array([0.9, 0.5, 0.2])[labels]
    value, low, high = balanced_interval(right, labels)
    shares = np.array([right[labels == label].mean() for label in range(3)])
    assert value == pytest.approx(shares.mean())
    spread = np.sqrt(np.sum(shares * (1 - shares) / [400, 60, 40])) / 3  # of a mean of three independent shares
    assert (value - low, high - value) == pytest.approx((1.96 * spread, 1.96 * spread), rel=0.1)
    assert balanced_interval(right, labels) == (value, low, high)
    assert balanced_interval(np.ones(4), np.array([0, 0, 1, 2])) == (1.0, 1.0, 1.0)


def test_two_images_a_class_are_found_by_their_neighbor(pairs):
    features = feature_set(*pairs, measures="knn")
    result = measure_all(features)
    assert features.k == 1
    assert [measure.name for measure in result.measures] == ["majority", "knn", "recall@1", "recall@20"]
    near, far = result.measure("recall@1"), result.measure("recall@20")
    assert near.value > 0.95
    assert far.value >= near.value
    assert result.measure("knn").value == near.value
    assert result.measure("knn").details["k"] == 1
    assert near.low <= near.value <= near.high
    asked = feature_set(*pairs, measures="knn", knn_k=5)
    assert asked.k == 5  # what was asked for stays
    assert [measure.name for measure in measure_all(asked).measures][2:] == ["recall@1", "recall@20"]


def test_recall_counts_a_neighbor_of_the_same_class():
    bank = np.array([[1, 0], [0.9, 0.1], [0, 1]], np.float32), np.array([0, 1, 2])
    queries = np.array([[1, 0.04], [1, 0.08], [0.1, 1], [1, 0]], np.float32), np.array([0, 1, 0, 2])
    result = measure_all(feature_set(bank, queries, measures="knn"))
    assert result.measure("recall@1").value == 0.5  # the first and, nearer to the second row, the second
    assert result.measure("recall@3").value == 1.0


@pytest.mark.parametrize(
    ("counts", "k"),
    [
        ([500] * 10, 20),
        ([20, 20], 20),
        ([19, 19], 19),
        ([2] * 700, 2),
        ([1, 1], 1),
        ([900, 60, 40], 20),
        ([900, 9, 4], 9),
    ],
)
def test_no_more_vote_than_the_median_class_has(counts, k):
    assert usual_k(np.repeat(np.arange(len(counts)), counts), sum(counts)) == k
