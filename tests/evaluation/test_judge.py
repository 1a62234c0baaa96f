"""The list of measures: every name that the command takes has its function, every figure its title."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from aag_tf import config as configs
from aag_tf.config import ProtocolConfig
from aag_tf.evaluation import Candidate, Examples, Measure, judge, results
from aag_tf.evaluation.judge import MEASURES
from aag_tf.evaluation.knn import find_neighbors, knn_accuracy
from aag_tf.utils.errors import EvaluationError

FEATURES, LABELS = load_digits(return_X_y=True)


def candidate(**settings):
    bank, queries = Examples(FEATURES[:900], LABELS[:900]), Examples(FEATURES[900:1400], LABELS[900:1400])
    return Candidate("digits", bank, queries, ProtocolConfig(**settings), progress=False)


def test_every_name_has_its_function():
    assert tuple(MEASURES) == configs.MEASURES


def test_every_accuracy_is_the_share_of_right_answers_with_its_interval():
    judged = candidate(knn_k=7)
    result = judge(judged)
    assert [measure.name for measure in result.measures] == [
        "knn", "linear", "neighbor_purity", "uniformity", "rankme"
    ]  # fmt: skip
    knn, linear, purity, *numbers = result.measures
    assert knn.value == np.mean(judged.knn_predictions == LABELS[900:1400])
    assert knn.details["k"] == 7
    assert linear.value == np.mean(judged.probe_predictions == LABELS[900:1400])
    assert linear.details["l2"] in {float(name) for name in linear.details["held_out_accuracy"]}
    same = LABELS[:900][judged.neighbors.rows] == LABELS[900:1400, np.newaxis]
    assert purity.value == pytest.approx(np.mean(same))
    for share in (knn, linear, purity):
        assert share.low is not None
        assert share.n == 500
        assert 0 < share.low <= share.value <= share.high < 1.0001
        assert share.high - share.low < 0.08
    assert not any(number.low is not None for number in numbers)


def test_neighbors_vote_at_the_temperature_that_was_asked_for():
    sharp, flat = (
        judge(candidate(measures="knn", knn_k=200, knn_temperature=temperature)).measure("knn").value
        for temperature in (0.07, 5.0)
    )
    parts = FEATURES[:900], LABELS[:900], FEATURES[900:1400], LABELS[900:1400]
    assert flat == knn_accuracy(*parts, k=200, temperature=5.0)
    assert flat != sharp


def test_neighbors_are_searched_once(monkeypatch):
    searches = []

    def search(*arguments, **settings):
        searches.append(settings["k"])
        return find_neighbors(*arguments, **settings)

    monkeypatch.setattr("aag_tf.evaluation.candidate.find_neighbors", search)
    judged = candidate(measures="knn,unlabeled")
    judge(judged)
    assert searches == [20]
    nearest = FEATURES[:900] / np.linalg.norm(FEATURES[:900], axis=1, keepdims=True)
    queries = FEATURES[900:1400] / np.linalg.norm(FEATURES[900:1400], axis=1, keepdims=True)
    expected = np.sort(queries @ nearest.T, axis=1)[:, ::-1][:, :20]
    np.testing.assert_allclose(judged.neighbors.similarities, expected, atol=1e-5)


def test_titles_and_figures_in_a_table():
    share = Measure("few_labels_probe_1%", 0.5, 200, 0.43, 0.57)
    assert results.title(share) == "probe on 1 % of the labels"
    assert results.shown(share) == "50.00 [43.0, 57.0]"
    assert results.title(Measure("knn", 0.5, 200, 0.4, 0.6, {"k": 20})) == "kNN (k=20)"
    assert results.shown(Measure("rankme", 61.23456, 200)) == "61.23"
    assert results.shown(None) == "–"


def test_labels_are_asked_for_where_they_are_needed():
    unlabeled = Candidate("digits", Examples(FEATURES[:900]), Examples(FEATURES[900:]), progress=False)
    with pytest.raises(EvaluationError, match="there are no labels to judge by; give data that have them, or --meas"):
        judge(unlabeled)
