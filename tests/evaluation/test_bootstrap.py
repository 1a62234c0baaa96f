"""The interval of a mean: the width of theory, the coverage that it promises, and nothing random between calls."""

import numpy as np
import pytest

from aag_tf.evaluation import mean_interval


def test_has_the_width_of_a_proportion():
    right = np.arange(2000) < 1400
    low, high = mean_interval(right)
    half = 1.96 * np.sqrt(0.7 * 0.3 / 2000)
    assert low == pytest.approx(0.7 - half, abs=0.002)
    assert high == pytest.approx(0.7 + half, abs=0.002)


def test_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.random(200) < 0.8, seed=trial) for trial in range(200)]
    covered = np.mean([low <= 0.8 <= high for low, high in intervals])
    assert 0.90 < covered < 0.99


def test_is_the_value_itself_where_all_are_alike():
    assert mean_interval(np.ones(50, bool)) == (1.0, 1.0)
    assert mean_interval(np.array([0.25])) == (0.25, 0.25)


def test_depends_on_nothing_but_values_and_seed():
    values = np.random.default_rng(0).random(300)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)
