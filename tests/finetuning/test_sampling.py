"""Which images are in which step."""

import numpy as np
import pytest

from aag_tf.finetuning.sampling import SampleOrder

OWNERS = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 2])  # seven, two and one


def test_classes_take_turns_and_so_do_their_images():
    rows = SampleOrder(OWNERS, seed=3).rows(0, 3 * 14)
    for turn in rows.reshape(14, 3):
        assert sorted(OWNERS[turn]) == [0, 1, 2]
    assert np.bincount(rows, minlength=10).tolist() == [2] * 7 + [7, 7] + [14]
    of_first = [row for row in rows if row < 7]
    assert sorted(of_first[:7]) == sorted(of_first[7:]) == list(range(7))
    assert of_first[:7] != of_first[7:]  # another order in the second pass


def test_a_step_does_not_depend_on_what_was_drawn_before():
    whole = SampleOrder(OWNERS, seed=3).rows(0, 90)
    late = SampleOrder(OWNERS, seed=3)
    assert late.rows(37, 20).tolist() == whole[37:57].tolist()
    assert late.rows(5, 9).tolist() == whole[5:14].tolist()


@pytest.mark.parametrize("balanced", [True, False])
def test_seeds_give_other_orders(balanced):
    first, second = (SampleOrder(OWNERS, seed, balanced=balanced).rows(0, 60).tolist() for seed in (0, 1))
    assert first != second


def test_without_balance_every_image_is_shown_equally_often():
    rows = SampleOrder(OWNERS, seed=3, balanced=False).rows(0, 50)
    assert [sorted(epoch) for epoch in rows.reshape(5, 10).tolist()] == [list(range(10))] * 5
