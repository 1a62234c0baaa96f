"""The comparison of selected and random labels: who wins where, by formulas that are written out here."""

import numpy as np
import pytest
import scipy.stats
from benchmark_scripts import script

select_labels = script("select_labels")


def rows(split, way, labels, linear):
    return [
        {"split": split, "way": way, "labels": labels, "seed": seed, "classes": 5, "linear": own, "knn": 0.5}
        for seed, own in enumerate(linear)
    ]


def everywhere(split, way, linear):
    return [row for labels in select_labels.BUDGETS for row in rows(split, way, labels, linear)]


def test_the_interval_is_welchs():
    first, second = np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 1.5, 0.5])
    errors = first.var(ddof=1) / 3, second.var(ddof=1) / 4
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    half = scipy.stats.t.ppf(0.975, freedom) * sum(errors) ** 0.5
    assert select_labels.welch(first, second) == pytest.approx((2.75, 2.75 - half, 2.75 + half))


def test_the_better_way_is_decided_without_the_test_split():
    found = everywhere("held-out", "typical", [0.5, 0.4]) + everywhere("held-out", "center", [0.6, 0.5])
    found += everywhere("test", "typical", [0.9, 0.9]) + everywhere("test", "center", [0.1, 0.1])
    assert select_labels.better_way(found) == "center"


def test_the_report_has_means_and_differences():
    found = everywhere("test", "random", [0.4, 0.5]) + everywhere("test", "typical", [0.6, 0.7])
    text = select_labels.report({"rows": found})
    difference, low, high = select_labels.welch(np.array([60.0, 70.0]), np.array([40.0, 50.0]))
    assert difference == pytest.approx(20.0)
    line = f"| 50 | linear probe | 45.0 ± 7.1 | 65.0 ± 7.1 | +20.0 [{low:+.1f}, {high:+.1f}] |"
    assert line in text.splitlines()
    assert "| labels |  | random | typical | typical − random |" in text
    assert "| 250 | classes seen | 5.0 | 5.0 |  |" in text


def test_random_rows_differ_by_seed_and_ways_return_what_is_asked():
    vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    for way in select_labels.WAYS:
        first, again, other = (select_labels.choose(vectors, 20, way, seed) for seed in (0, 0, 1))
        assert len(set(first.tolist())) == 20
        assert first.tolist() == again.tolist()
        assert first.tolist() != other.tolist()


def test_rows_have_the_accuracies_of_both_classifiers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    vectors = (4 * np.eye(3)[labels] + rng.normal(size=(300, 3))).astype(np.float32)
    pool = select_labels.Labeled(vectors, labels)
    found = select_labels.accuracies(select_labels.Labeled(vectors[:60], labels[:60]), pool)
    assert found["linear"] > 0.95
    assert found["knn"] > 0.95
    assert set(found) == set(select_labels.MEASURES)


def test_what_was_measured_is_not_measured_again(monkeypatch):
    monkeypatch.setattr(select_labels, "BUDGETS", (30,))
    monkeypatch.setattr(select_labels, "DRAWS", 2)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    pool = select_labels.Labeled((4 * np.eye(3)[labels] + rng.normal(size=(200, 3))).astype(np.float32), labels)
    found, saved = [], []
    select_labels.measure(pool, {"held-out": pool}, ("random", "typical"), found, lambda: saved.append(len(found)))
    assert [(row["way"], row["seed"], row["split"]) for row in found] == [
        *(("random", seed, "held-out") for seed in (0, 1)),
        *(("typical", seed, "held-out") for seed in (0, 1)),
    ]
    assert saved == [1, 2, 3, 4]
    monkeypatch.setattr(select_labels, "choose", None)  # what was chosen is in the rows
    before = list(found)
    select_labels.measure(pool, {"held-out": pool, "test": pool}, ("random", "typical"), found, lambda: None)
    assert found[:4] == before
    assert [row["split"] for row in found[4:]] == ["test"] * 4
    assert [row["linear"] for row in found[4:]] == [row["linear"] for row in before]  # the same labels and queries
