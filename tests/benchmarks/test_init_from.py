"""The runs of the study of `--init_from`, and its tables of made-up results."""

from pathlib import Path

import pytest
from benchmark_scripts import script

study = script("init_from")
RUNS = Path("runs")


def test_arms_differ_in_the_weights_and_in_what_they_add():
    flags = {arm: set(study.Job("other", arm, 1).flags(RUNS)) for arm in study.ARMS}
    scratch = flags.pop("scratch")
    for arm, own in flags.items():
        assert own - scratch == {"--init_from=runs/earlier_cosine_seed1", *study.ARMS[arm]}
        assert not scratch - own
    assert study.Job("same", "start", 2).source == study.Job("earlier", "cosine", 2)
    assert study.Job("earlier", "wsd", 2).source is None


def test_a_seed_is_complete_before_the_next_and_no_image_is_seen_twice():
    keys = [job.key for job in study.jobs()]
    assert len(keys) == len(set(keys)) == 3 * (2 * len(study.ARMS) + 2)
    assert keys[0] == "same scratch seed0"
    assert keys.index("other unmoved seed0") < keys.index("same scratch seed1")
    assert keys[-6:-3] == ["earlier cosine seed0", "earlier wsd seed0", "earlier cosine seed1"]
    assert "--train_split=train[:50%]" in study.DATA["earlier"]
    assert "--train_split=train[90%:]" in study.DATA["same"]


def test_the_report_pairs_arms_by_seed():
    scratch, start = (0.50, 0.52, 0.54), (0.60, 0.64, 0.62)
    records = {
        study.Job("same", arm, seed).key: {"accuracies": {"knn": [values[seed], 0, 1], "linear": [0.7, 0, 1]}}
        for arm, values in (("scratch", scratch), ("start", start))
        for seed in study.SEEDS
    }
    lines = study.report(records).splitlines()
    assert lines[0] == "**5 000 other images of CIFAR-10**, 250 steps"
    assert lines[2] == "|  | kNN | − scratch | − start | linear probe | − scratch | − start |"
    assert lines[4] == "| scratch | 52.0 |  | -10.0 [-15.0, -5.0] | 70.0 |  | +0.0 [+0.0, +0.0] |"
    # Differences of 10, 12 and 8 points: mean 10, Student's interval of two degrees of freedom 4.30 * 2 / sqrt(3).
    assert lines[5] == "| start | 62.0 | +10.0 [+5.0, +15.0] |  | 70.0 | +0.0 [+0.0, +0.0] |  |"
    assert lines[6] == "| lower rate | – |  |  | – |  |  |"


def test_a_run_without_its_seed_has_no_difference():
    records = {study.Job("same", "start", 0).key: {"accuracies": {"knn": [0.5, 0, 1], "linear": [0.6, 0, 1]}}}
    assert "| start | 50.0 |  |  | 60.0 |  |  |" in study.report(records)


@pytest.mark.parametrize("arm", ["scratch", "unmoved"])
def test_the_last_of_two_lengths_counts(arm):
    lengths = [flag for flag in study.Job("same", arm, 0).flags(RUNS) if flag.startswith("--train_steps=")]
    assert lengths[-1] == ("--train_steps=1" if arm == "unmoved" else f"--train_steps={study.STEPS}")
