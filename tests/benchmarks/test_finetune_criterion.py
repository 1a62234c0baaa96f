"""What rules and patience choose from stored looks, and what that was worth on other images."""

import math

import numpy as np
import pytest
import scipy.stats
from benchmark_scripts import script

criterion = script("finetune_criterion")

BALANCED = criterion.RULES["balanced accuracy, then that cross-entropy"]
SCALED = criterion.RULES["cross-entropy at its best temperature"]


def row(draw, rate, scaled, balanced, others):
    columns = {"entropy": scaled, "scaled_entropy": scaled, "brier": scaled, "balanced": balanced, "others": others}
    columns["others_entropy"] = [2.0] * len(others)
    return {"percent": 1.0, "draw": draw, "learning_rate": rate, "steps": 4, "looks": columns}


# The cross-entropy is lowest before the first step; the accuracy rises to the end.
RISING = ([1.0, 1.1, 1.2, 1.3, 1.1], [0.5, 0.4, 0.5, 0.6, 0.6], [0.50, 0.48, 0.52, 0.55, 0.56])


def test_a_rule_chooses_within_its_patience():
    looks = criterion.looks_of(row(0, 0.1, *RISING))
    assert [look["smooth"] for look in looks] == pytest.approx([0.5, 0.45, 1.4 / 3, 0.5, 1.7 / 3])
    best, last = criterion.choose(looks, SCALED, 20)
    assert (best["look"], last) == (0, 4)
    best, last = criterion.choose(looks, SCALED, 2)
    assert (best["look"], last) == (0, 2)
    best, last = criterion.choose(looks, BALANCED, 20)  # of equal accuracies the lower cross-entropy
    assert (best["look"], last) == (4, 4)
    best, last = criterion.choose(looks, BALANCED, 2)  # ended before the rise
    assert (best["look"], last) == (0, 2)


def test_rules_are_compared_with_the_probe_by_draw():
    worse = ([1.0, 1.5, 1.5, 1.5, 1.5], [0.5, 0.3, 0.3, 0.3, 0.3], [0.50, 0.3, 0.3, 0.3, 0.9])
    rows = [row(draw, rate, *looks) for draw in (0, 1) for rate, looks in ((0.1, RISING), (1.0, worse))]
    lines = {tuple(line.split(" | ")[:2]): line for line in criterion.report(rows).splitlines()[2:]}
    looks = [look for values in (RISING, worse) for look in zip(*values, strict=True)]
    order = scipy.stats.spearmanr([-scaled for scaled, _, _ in looks], [others for _, _, others in looks]).statistic
    zero = "+0.000 [+0.000, +0.000]"
    # both trainings of each draw end after the 4 of 4 looks that patience allows
    kept = lines["| cross-entropy at its best temperature", "4"]
    assert kept.endswith(f"| +0.0 [+0.0, +0.0] | {zero} | 2 | 100 % | {order:.2f} |")
    chosen = lines["| balanced accuracy, then that cross-entropy", "20"]
    assert f"| +6.0 [+6.0, +6.0] | {zero} | 0 | 100 % |" in chosen
    assert "| +40.0 [+40.0, +40.0]" in lines["| the best on those other images, which nobody knows", "–"]


def test_a_look_is_measured_by_classes_on_held_out_images_and_as_they_come_on_others():
    right, wrong = np.array([4.0, 0.0]), np.array([0.0, 4.0])
    logits = np.array([right, right, right, wrong, right, wrong, wrong])
    owners = np.array([0, 0, 0, 0, 1, 0, 1])  # five held-out images, two others
    look = criterion.look_at(logits, owners, 5)
    assert look["balanced"] == pytest.approx((3 / 4 + 0) / 2)
    assert look["others"] == 0.5
    good, bad = math.log1p(math.exp(-4)), math.log1p(math.exp(4))
    assert look["entropy"] == pytest.approx(((3 * good + bad) / 4 + bad) / 2)
    assert look["scaled_entropy"] < look["entropy"]
    low, high = math.log(2), 4.0  # the temperature lies above 1
    assert low < look["others_entropy"] < high
