"""Exact search: the order of a brute-force comparison, over parts of any size."""

import numpy as np
import pytest

from aag_tf.export.search import nearest

VECTORS = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
QUERY = np.random.default_rng(1).normal(size=6).astype(np.float32)


def cosines(vectors, query):
    return [float(v @ query / np.sqrt(v @ v) / np.sqrt(query @ query)) for v in vectors.astype(np.float64)]


@pytest.mark.parametrize("part", [1, 7, 200])
def test_finds_what_comparing_with_all_finds(part):
    found = nearest((VECTORS[start : start + part] for start in range(0, 200, part)), 3 * QUERY, 10)
    expected = cosines(VECTORS, QUERY)
    assert [neighbor.row for neighbor in found] == sorted(range(200), key=lambda row: -expected[row])[:10]
    np.testing.assert_allclose([n.similarity for n in found], sorted(expected)[:-11:-1], atol=1e-6)


def test_rows_without_embedding_are_never_found_and_move_no_other():
    vectors = VECTORS.copy()
    best = nearest([VECTORS], QUERY, 1)[0].row
    vectors[best] = np.nan
    assert nearest([vectors], QUERY, 5) == nearest([VECTORS], QUERY, 6)[1:]


def test_of_equals_the_first_comes_first_and_fewer_than_asked_are_all():
    parts = [np.ones((2, 3), np.float16), np.ones((2, 3), np.float16)]
    assert [neighbor.row for neighbor in nearest(parts, np.ones(3), 9)] == [0, 1, 2, 3]
