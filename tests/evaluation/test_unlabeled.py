"""Measures without a classifier: values from closed forms and from loops over the formulas."""

import math

import numpy as np
import pytest

from aag_tf.evaluation import alignment, directions, neighbor_purity, rankme, uniformity, unlabeled
from aag_tf.training.callbacks.monitor import embedding_spread


def test_directions_have_length_one_and_zeros_stay_zeros():
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [6e-12, 8e-12], [1e-24, 0.0]])
    found = directions(rows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:3], [[0.6, 0.8], [0.0, 0.0], [0.6, 0.8]], rtol=1e-6)
    assert 0.0 <= found[3, 0] <= 1.0  # its square is nothing in float32


def test_alignment_is_the_squared_distance_on_the_sphere():
    first = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0]], np.float32)
    second = np.array([[5.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], np.float32)  # alike, at right angles, opposite
    assert alignment(first, second) == pytest.approx((0 + 2 + 4) / 3)


def test_uniformity_of_a_known_arrangement_and_of_loops(monkeypatch):
    assert uniformity(np.array([[1.0, 0.0], [-7.0, 0.0]], np.float32)) == pytest.approx(-8.0, abs=1e-4)
    assert uniformity(np.ones([5, 3], np.float32)) == pytest.approx(0.0, abs=1e-5)
    rows = np.random.default_rng(0).normal(size=(31, 6))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [np.exp(-2 * np.sum((a - b) ** 2)) for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j]
    expected = math.log(np.mean(pairs))
    assert uniformity(rows) == pytest.approx(expected, abs=1e-5)
    monkeypatch.setattr(unlabeled, "PAIRS_AT_ONCE", 31 * 4)
    assert uniformity(rows) == pytest.approx(expected, abs=1e-5)


def test_rankme_counts_equal_directions_and_follows_its_equation():
    for shape in ((40, 12), (12, 40)):
        rows = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 12)))[0]
        rows = rows if shape[0] > shape[1] else rows.T
        assert rankme(rows.astype(np.float32)) == pytest.approx(12.0, rel=1e-4)
    one = np.outer(np.arange(1.0, 9.0), np.arange(1.0, 6.0)).astype(np.float32)
    assert rankme(one) == pytest.approx(1.0, abs=1e-3)
    rows = np.random.default_rng(1).normal(size=(50, 8)) * np.geomspace(1, 1e-3, 8)
    singular = np.linalg.svd(rows, compute_uv=False)
    shares = singular / singular.sum() + 1e-7
    assert rankme(rows) == pytest.approx(np.exp(-np.sum(shares * np.log(shares))), rel=1e-6)


def test_a_dead_encoder_counts_as_collapsed():
    nothing = np.zeros([20, 6], np.float32)
    assert rankme(nothing) == 1.0
    assert uniformity(nothing) == 0.0
    assert embedding_spread(nothing) == 0.0


def test_purity_is_the_share_of_neighbors_of_the_same_class():
    neighbors = np.array([[0, 1], [2, 3]])
    purity = neighbor_purity(neighbors, np.array([5, 5, 5, 7]), np.array([5, 7]))
    np.testing.assert_array_equal(purity, [1.0, 0.5])


def test_zeros_are_alike_in_uniformity():
    dying = np.zeros([50, 6], np.float32)
    dying[0, 0] = 1.0  # at right angles to the other 49: 49 of 1 225 pairs are a distance of sqrt(2) apart
    assert uniformity(dying) == pytest.approx(np.log((49 * np.exp(-4.0) + 1176) / 1225), abs=1e-6)


def test_the_mean_squared_distance_is_that_of_loops():
    rows = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    units = directions(rows).astype(float)
    pairs = [np.sum((units[i] - units[j]) ** 2) for i in range(9) for j in range(i)]
    assert unlabeled.mean_squared_distance(rows) == pytest.approx(np.mean(pairs))
    assert unlabeled.mean_squared_distance(np.ones([5, 3], np.float32)) == pytest.approx(0.0, abs=1e-6)
    assert unlabeled.mean_squared_distance(np.array([[1.0, 0.0], [-7.0, 0.0]])) == pytest.approx(4.0)
