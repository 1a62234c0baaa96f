"""Streams of random numbers: reproducible, and apart from each other."""

import numpy as np

from aag_tf.utils.seeds import fold, generator


def test_a_seed_is_pinned():
    # Runs made today must resume and repeat tomorrow: this pair may never change.
    assert fold(0, "order", 1) == (-1149064233, -1922431543)


def test_a_generator_draws_from_the_same_pair():
    unsigned = [-1149064233 + 2**32, -1922431543 + 2**32]
    assert generator(0, "order", 1).random() == np.random.default_rng(unsigned).random()


def test_neighboring_positions_share_no_seed():
    # seed + epoch would make (0, 1) and (1, 0) alike.
    seeds = {fold(seed, purpose, epoch) for seed in range(20) for purpose in ("order", "view") for epoch in range(20)}
    assert len(seeds) == 20 * 2 * 20


def test_numbers_do_not_run_together():
    assert fold(1, "view", 12) != fold(1, "view", 1, 2) != fold(11, "view", 2)


def test_values_are_int32():
    values = [value for number in range(200) for value in fold(number, "x")]
    assert all(-(2**31) <= value < 2**31 for value in values)
    assert min(values) < 0 < max(values)
