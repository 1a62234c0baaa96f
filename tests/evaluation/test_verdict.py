"""Verdicts: what the intervals allow to say, the words for it, and advice that names settings that exist."""

import re

import pytest

from aag_tf.config import TrainConfig, leaves
from aag_tf.evaluation import FeatureResult, Measure, find_verdicts
from aag_tf.evaluation.verdict import (
    ABOVE,
    BELOW,
    COLLAPSED,
    LOW_RANK,
    NOT_COLLAPSED,
    SAME,
    TOO_FEW,
    VIEWS_FAR,
    VIEWS_NEAR,
    compare_intervals,
)
from aag_tf.evaluation.verdict_words import advice, sentence


def share(value, half=0.02, name="knn", n=500):
    return Measure(name, value, n, value - half, value + half, {"k": 20} if name == "knn" else {})


def result(features, *measures):
    return FeatureResult(features, 8, list(measures))


def verdict_of(main, *baselines):
    results = [*baselines, main]
    (verdict,) = find_verdicts(results, main)
    return verdict, sentence(verdict, main)


@pytest.mark.parametrize(
    ("value", "baseline", "half", "n", "outcome"),
    [
        (0.80, 0.75, 0.02, 500, ABOVE),
        (0.75, 0.80, 0.02, 500, BELOW),
        (0.80, 0.77, 0.02, 500, SAME),
        (0.80, 0.76, 0.02, 500, SAME),  # the ends touch
        (1.0, 1.0, 0.0, 500, SAME),
        (1.0, 0.0, 0.0, 29, TOO_FEW),
        (1.0, 0.0, 0.0, 30, ABOVE),
    ],
)
def test_intervals_that_overlap_tell_nothing_apart(value, baseline, half, n, outcome):
    assert compare_intervals(share(value, half, n=n), share(baseline, half, n=n)) == outcome


def test_each_baseline_is_named_with_its_distance():
    pixels, untrained = result("raw pixels", share(0.512)), result("untrained encoder", share(0.164))
    verdict, line = verdict_of(result("trained encoder", share(0.671)), pixels, untrained)
    assert (verdict.outcome, [each.outcome for each in verdict.against]) == (ABOVE, [ABOVE, ABOVE])
    assert [each.difference for each in verdict.against] == pytest.approx([0.159, 0.507])
    assert line == "kNN (k=20): 15.9 points above raw pixels, 50.7 above the untrained encoder."
    verdict, line = verdict_of(result("trained encoder", share(0.5)), pixels, untrained)
    assert verdict.outcome == SAME
    assert line == (
        "kNN (k=20): 33.6 points above the untrained encoder; cannot be told apart from raw pixels (the intervals "
        "overlap)."
    )
    verdict, line = verdict_of(result("trained encoder", share(0.1)), pixels, untrained)
    assert verdict.outcome == BELOW
    assert line == "kNN (k=20): 41.2 points below raw pixels, 6.4 below the untrained encoder."


def test_the_supervised_encoder_is_no_baseline():
    main = result("trained encoder", share(0.6))
    assert find_verdicts([main, result("supervised encoder", share(0.9))], main) == []


def test_the_largest_class_is_named_where_it_is_not_beaten():
    main = result("trained encoder", share(0.9, name="majority"), share(0.905))
    verdict, line = verdict_of(main, result("untrained encoder", share(0.8)))
    assert verdict.outcome == SAME
    assert line.endswith("; cannot be told apart from the largest class (the intervals overlap).")
    better = result("trained encoder", share(0.5, name="majority"), share(0.905))
    verdict, line = verdict_of(better, result("untrained encoder", share(0.8)))
    assert line == "kNN (k=20): 10.5 points above the untrained encoder."
    balanced = result("trained encoder", share(0.9, name="majority"), share(0.4, name="knn_balanced"))
    verdict, line = verdict_of(balanced, result("untrained encoder", share(0.3, name="knn_balanced")))
    assert line == "kNN, balanced: 10.0 points above the untrained encoder."


def of_numbers(alignment, uniformity, rank, largest=128, **details):
    main = result(
        "trained encoder",
        Measure("alignment", alignment, 500),
        Measure("uniformity", uniformity, 500, details=details),
        Measure("rankme", rank, 500, details={"largest": largest}),
    )
    views, rank_verdict = find_verdicts([result("untrained encoder", Measure("rankme", 9.7, 500)), main], main)
    return views.outcome, rank_verdict.outcome, [sentence(each, main) for each in (views, rank_verdict)]


def test_a_collapse_is_no_good_alignment():
    views, rank, lines = of_numbers(alignment=1e-6, uniformity=-1e-5, rank=1.01)
    assert (views, rank) == (COLLAPSED, COLLAPSED)
    assert "a low alignment means nothing" in lines[0]
    assert lines[1].startswith("effective rank 1.0 of at most 128 (untrained encoder: 9.7): the encoder has collapsed")


@pytest.mark.parametrize(
    ("alignment", "uniformity", "rank", "outcomes"),
    [
        (0.2, -3.0, 61.0, (VIEWS_NEAR, NOT_COLLAPSED)),
        (0.8, -1.0, 61.0, (VIEWS_FAR, NOT_COLLAPSED)),
        (0.2, -3.0, 6.0, (VIEWS_NEAR, LOW_RANK)),
        (0.2, -3.0, 7.0, (VIEWS_NEAR, NOT_COLLAPSED)),
    ],
)
def test_numbers_without_labels_get_their_own_verdict(alignment, uniformity, rank, outcomes):
    assert of_numbers(alignment, uniformity, rank)[:2] == outcomes


def test_views_are_set_beside_the_mean_distance_of_images():
    apart = {"mean_squared_distance": 1.7}
    views, _, lines = of_numbers(0.8, -1.0, 61.0, **apart)  # the bound from uniformity alone is 0.5
    assert views == VIEWS_NEAR
    assert lines[0].endswith("two views of an image are 0.80 apart, two images 1.70: views are recognized.")


def test_advice_names_flags_of_training_and_only_for_our_own_runs():
    pixels = result("raw pixels", share(0.97))
    main = result("trained encoder", share(0.96))
    results = [pixels, main]
    (solved,) = advice(find_verdicts(results, main), main, results, own=True)
    assert solved == "Raw pixels already reach 97 % on these images, so there is little left to gain."
    results = [result("raw pixels", share(0.5)), main := result("trained encoder", share(0.4))]
    (lines,) = advice(find_verdicts(results, main), main, results, own=True)
    flags = re.findall(r"--(?:no)?([a-z_]+)", lines)
    assert len(flags) >= 5
    assert set(flags) <= set(leaves(TrainConfig))
    assert "--" not in "".join(advice(find_verdicts(results, main), main, results, own=False))
    assert "trained on other images" in advice(find_verdicts(results, main), main, results, own=True, transfer=True)[0]
    good = result("trained encoder", share(0.99, 0.001))
    assert advice(find_verdicts([pixels, good], good), good, [pixels, good], own=True) != []  # overlaps still
    best = result("trained encoder", share(0.6))
    beaten = [result("raw pixels", share(0.3)), best]
    assert advice(find_verdicts(beaten, best), best, beaten, own=True) == []
    collapsed = result("trained encoder", Measure("rankme", 1.0, 90, details={"largest": 64}))
    (line,) = advice(find_verdicts([collapsed], collapsed), collapsed, [collapsed], own=True)
    assert set(re.findall(r"--([a-z_]+)", line)) <= set(leaves(TrainConfig))
    few = result("trained encoder", share(0.9, n=8))
    few_results = [result("raw pixels", share(0.3, n=8)), few]
    assert (
        "With 8 evaluated images chance decides"
        in advice(find_verdicts(few_results, few), few, few_results, own=True)[0]
    )
