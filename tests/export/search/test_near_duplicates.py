"""Near-duplicates: planted ones are found with their similarities, whatever the parts; as comparing by hand does."""

import itertools
import sys

import numpy as np
import pytest
from given_embeddings import GivenEmbeddings, rotated

from aag_tf.export.search import blocks, near_duplicates
from aag_tf.export.search.near_duplicates import MOST_PAIRS

FINDING = sys.modules["aag_tf.export.search.near_duplicates"]
VECTORS = np.random.default_rng(0).normal(size=(300, 32))  # no two are more similar than 0.7


@pytest.fixture(params=[(8192, 2048), (37, 5), (1, 1)], ids=str)
def sizes(request, monkeypatch):
    """Blocks and tiles of several sizes."""
    monkeypatch.setattr(blocks.blocks, "__defaults__", (request.param[0],))
    monkeypatch.setattr(blocks, "TILE", request.param[1])


def planted():
    """Row 7 again as rows 100 and 250, the second a bit turned; a chain 20 - 21 - 22; row 299 as 0."""
    vectors = VECTORS.copy()
    vectors[100] = 5 * vectors[7]
    vectors[250] = rotated(vectors[7], 0.1)
    vectors[21] = rotated(vectors[20], 0.15)
    vectors[22] = rotated(vectors[21], 0.15)
    vectors[299] = vectors[0]
    return vectors


@pytest.mark.usefixtures("sizes")
def test_planted_duplicates_are_found():
    found = near_duplicates(GivenEmbeddings(planted(), part=50), 0.98)
    assert [group.tolist() for group in found.groups] == [[7, 100, 250], [20, 21, 22], [0, 299]]
    chain = np.cos(0.15)
    expected = [[1, 1, np.cos(0.1)], [chain, chain, chain], [1, 1]]
    for own, values in zip(found.similarities, expected, strict=True):
        np.testing.assert_allclose(own, values, atol=1e-6)
    assert found.num_pairs == 6  # 20 and 22 are less similar than 0.98, and in one group by 21
    pairs = list(zip(found.pairs.first.tolist(), found.pairs.second.tolist(), strict=True))
    assert set(pairs[:2]) == {(7, 100), (0, 299)}
    assert set(pairs[2:4]) == {(7, 250), (100, 250)}
    assert set(pairs[4:]) == {(20, 21), (21, 22)}
    np.testing.assert_allclose(found.pairs.similarities, [1, 1, np.cos(0.1), np.cos(0.1), chain, chain], atol=1e-6)


def test_a_similarity_of_one_finds_copies_alone():
    found = near_duplicates(GivenEmbeddings(planted()), 1.0)
    assert [group.tolist() for group in found.groups] == [[0, 299], [7, 100]]


@pytest.mark.usefixtures("sizes")
@pytest.mark.parametrize("most", [4_000_000, 10])
def test_groups_and_pairs_are_those_of_comparing_by_hand(monkeypatch, most):
    monkeypatch.setattr(FINDING, "MOST_WAITING", most)
    vectors = np.random.default_rng(1).normal(size=(120, 4))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    pairs = [(i, j) for i, j in itertools.combinations(range(120), 2) if cosines[i, j] >= 0.97]
    group = list(range(120))
    for i, j in pairs:
        group = [group[i] if own == group[j] else own for own in group]
    members = [[row for row in range(120) if group[row] == own] for own in dict.fromkeys(group)]
    expected = sorted((own for own in members if len(own) > 1), key=lambda own: (-len(own), own[0]))
    found = near_duplicates(GivenEmbeddings(vectors, part=17), 0.97)
    assert [own.tolist() for own in found.groups] == expected
    assert len(expected) > 5
    assert found.num_pairs == len(pairs)
    assert set(zip(found.pairs.first.tolist(), found.pairs.second.tolist(), strict=True)) == set(pairs)
    for rows, highest in zip(found.groups, found.similarities, strict=True):
        np.testing.assert_allclose(highest, [np.delete(cosines[row], row).max() for row in rows], atol=1e-6)


def test_images_without_a_direction_are_in_no_group():
    vectors = planted()
    vectors[[30, 31]] = np.nan
    vectors[[40, 41]] = 0
    vectors[[50, 51]] = np.inf
    found = near_duplicates(GivenEmbeddings(vectors), 0.98)
    assert [group.tolist() for group in found.groups] == [[7, 100, 250], [20, 21, 22], [0, 299]]


def test_nothing_is_found_where_nothing_is_alike():
    found = near_duplicates(GivenEmbeddings(VECTORS), 0.98)
    assert (found.groups, found.similarities, found.num_pairs, len(found.pairs.first)) == ([], [], 0, 0)


def test_of_very_many_pairs_the_most_similar_are_kept(monkeypatch):
    monkeypatch.setattr(FINDING, "MOST_PAIRS", 3)
    monkeypatch.setattr(FINDING, "MOST_WAITING", 100)
    monkeypatch.setattr(blocks, "TILE", 10)
    vectors = np.ones((100, 8)) + 0.05 * np.random.default_rng(0).normal(size=(100, 8))
    vectors[[90, 91]] = vectors[[5, 60]]
    found = near_duplicates(GivenEmbeddings(vectors), 0.5)
    assert found.num_pairs == 100 * 99 // 2
    assert [len(group) for group in found.groups] == [100]
    assert len(found.pairs.first) == 3
    assert {(5, 90), (60, 91)} <= set(zip(found.pairs.first.tolist(), found.pairs.second.tolist(), strict=True))
    assert MOST_PAIRS == 100_000
