"""Weighted kNN: the predictions of scikit-learn with the same weights, whatever the chunks, labels and scale."""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from aag_tf.evaluation import knn_accuracy, knn_predict
from aag_tf.utils.errors import EvaluationError

knn = importlib.import_module("aag_tf.evaluation.knn")


def clusters(count, *, classes=5, dim=12, noise=1.5, seed=0):
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(size=(classes, dim))
    labels = rng.integers(0, classes, count)
    features = centers[labels] + noise * rng.normal(size=(count, dim))
    return features.astype(np.float32), labels


def sklearn_predictions(bank, labels, queries, k, temperature):
    # The cosine distance is 1 - similarity, so that exp(-distance / T) is exp(similarity / T) but for a factor.
    reference = KNeighborsClassifier(
        k, weights=lambda distance: np.exp(-distance / temperature), metric="cosine", algorithm="brute"
    )
    return reference.fit(bank.astype(np.float64), labels).predict(queries.astype(np.float64))


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (20, 0.07), (20, 1.0), (200, 0.5), (600, 0.1)])
def test_predicts_what_scikit_learn_predicts(k, temperature):
    bank, labels = clusters(600)
    queries, _ = clusters(400, seed=1)
    expected = sklearn_predictions(bank, labels, queries, k, temperature)
    assert len(np.unique(expected)) == 5
    np.testing.assert_array_equal(knn_predict(bank, labels, queries, k=k, temperature=temperature), expected)


def test_chunks_change_nothing(monkeypatch):
    bank, labels = clusters(300)
    queries, _ = clusters(101, seed=1)
    whole = knn_predict(bank, labels, queries)
    monkeypatch.setattr(knn, "SIMILARITIES_AT_ONCE", 300 * 7)  # 14 chunks of 7 queries, and one of 3
    np.testing.assert_array_equal(knn_predict(bank, labels, queries), whole)


def test_labels_may_be_any_integers():
    bank, labels = clusters(300)
    queries, _ = clusters(100, seed=1)
    names = np.array([-3, 10**12, 7, 0, 41])
    predicted = knn_predict(bank, names[labels], queries)
    assert predicted.dtype == np.int64
    np.testing.assert_array_equal(predicted, names[knn_predict(bank, labels, queries)])


def test_only_directions_count():
    bank, labels = clusters(300)
    queries, _ = clusters(100, seed=1)
    lengths = np.random.default_rng(2).uniform(0.01, 100, (300, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        knn_predict(bank * lengths, labels, queries * 1000), knn_predict(bank, labels, queries)
    )


def test_votes_are_weighted():
    # Two neighbors of class 1 at similarity 0.6 against one of class 0 at 1: exp(0.4 / T) beats 2 only if T < 0.577.
    bank = np.array([[1, 0], [0.6, 0.8], [0.6, -0.8]], np.float32)
    labels = np.array([0, 1, 1])
    query = np.array([[1, 0]], np.float32)
    assert knn_predict(bank, labels, query, k=3, temperature=0.57) == [0]
    assert knn_predict(bank, labels, query, k=3, temperature=0.59) == [1]


def test_a_tiny_temperature_does_not_overflow():
    bank, labels = clusters(300)
    queries, _ = clusters(100, seed=1)
    nearest = knn_predict(bank, labels, queries, k=1)
    np.testing.assert_array_equal(knn_predict(bank, labels, queries, k=20, temperature=1e-5), nearest)


def test_accuracy_counts_hits_and_a_class_that_the_bank_lacks_as_wrong():
    bank, labels = clusters(300, noise=0.01)
    queries, truth = clusters(50, noise=0.01, seed=1)
    assert knn_accuracy(bank, labels, queries, truth) == 1.0
    truth[:10] = 77
    assert knn_accuracy(bank, labels, queries, truth) == 0.8


@pytest.fixture
def tensor_float_32():
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


@pytest.mark.usefixtures("tensor_float_32")
def test_leaves_tensor_float_32_as_it_was():
    bank, labels = clusters(30)
    for before in (True, False):
        tf.config.experimental.enable_tensor_float_32_execution(before)
        knn_predict(bank, labels, bank)
        assert tf.config.experimental.tensor_float_32_execution_enabled() is before


def with_nan(features):
    broken = features.copy()
    broken[3, 0] = np.nan
    return broken


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b, y, q: (with_nan(b), y, q), "1 of 30 bank features contain NaN"),
        (lambda b, y, q: (b, y, with_nan(q)), "1 of 30 query features contain NaN"),
        (lambda b, y, q: (b, y * 0 + 4, q), "all 30 labeled images are of class 4"),
        (lambda b, y, q: (b[:19], y[:19], q), "--knn_k=20 neighbors cannot be found among 19"),
        (lambda b, y, q: (b, y[:-1], q), "29 bank labels for 30 bank features"),
        (lambda b, y, q: (b, y.astype(np.float32), q), "bank labels are float32"),
        (lambda b, y, q: (b, y, q[:, :5]), "bank features have length 12 and query features 5"),
        (lambda b, y, q: (b, y, q[:0]), r"query features have shape \[0, 12\]"),
    ],
)
def test_refuses_what_cannot_be_evaluated(change, message):
    bank, labels = clusters(30)
    with pytest.raises(EvaluationError, match=message) as caught:
        knn_predict(*change(bank, labels, bank))
    assert "\n" not in str(caught.value)
