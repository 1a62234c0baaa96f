"""The list of measures: every name that the command takes has its function, every metric its title."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from aag_tf import config as configs
from aag_tf.config import ProtocolConfig
from aag_tf.evaluation import Examples, FeatureSet, Measure, knn_accuracy, measure_all, results
from aag_tf.evaluation.measures import MEASURES
from aag_tf.utils.errors import EvaluationError

FEATURES, LABELS = load_digits(return_X_y=True)


def digits(**settings):
    bank, queries = Examples(FEATURES[:900], LABELS[:900]), Examples(FEATURES[900:1400], LABELS[900:1400])
    return FeatureSet("digits", bank, queries, ProtocolConfig(**settings))


def test_every_name_has_its_function():
    assert tuple(MEASURES) == configs.MEASURES


def test_every_accuracy_is_the_share_of_right_answers_with_its_interval():
    features = digits(knn_k=7)
    result = measure_all(features)
    assert [measure.name for measure in result.measures] == [
        "majority", "knn", "linear", "neighbor_purity", "uniformity", "rankme"
    ]  # fmt: skip
    _, knn, linear, purity, *numbers = result.measures
    assert knn.value == np.mean(features.knn_predictions == LABELS[900:1400])
    assert knn.details["k"] == 7
    assert linear.value == np.mean(features.probe_predictions == LABELS[900:1400])
    assert linear.details["l2"] in {float(name) for name in linear.details["held_out_accuracy"]}
    same = LABELS[:900][features.neighbors.rows] == LABELS[900:1400, np.newaxis]
    assert purity.value == pytest.approx(np.mean(same))
    for share in (knn, linear, purity):
        assert share.low is not None
        assert share.n == 500
        assert 0 < share.low <= share.value <= share.high < 1.0001
        assert share.high - share.low < 0.08
    assert not any(number.low is not None for number in numbers)


def test_neighbors_vote_at_the_temperature_that_was_asked_for():
    sharp, flat = (
        measure_all(digits(measures="knn", knn_k=200, knn_temperature=temperature)).measure("knn").value
        for temperature in (0.07, 5.0)
    )
    parts = FEATURES[:900], LABELS[:900], FEATURES[900:1400], LABELS[900:1400]
    assert flat == knn_accuracy(*parts, k=200, temperature=5.0)
    assert flat != sharp


def test_neighbors_are_the_nearest_and_searched_once():
    features = digits(measures="knn,unlabeled")
    measure_all(features)
    assert features.neighbors is features.neighbors
    nearest = FEATURES[:900] / np.linalg.norm(FEATURES[:900], axis=1, keepdims=True)
    queries = FEATURES[900:1400] / np.linalg.norm(FEATURES[900:1400], axis=1, keepdims=True)
    expected = np.sort(queries @ nearest.T, axis=1)[:, ::-1][:, :20]
    np.testing.assert_allclose(features.neighbors.similarities, expected, atol=1e-5)


def test_titles_and_metrics_in_a_table():
    share = Measure("few_labels_probe_1%", 0.5, 200, 0.43, 0.57)
    assert results.title(share) == "probe on 1 % of the labels"
    assert results.shown(share) == "50.00 [43.0, 57.0]"
    assert results.title(Measure("knn", 0.5, 200, 0.4, 0.6, {"k": 20})) == "kNN (k=20)"
    assert results.shown(Measure("rankme", 61.23456, 200)) == "61.23"
    assert results.shown(None) == "–"


def test_labels_are_asked_for_where_they_are_needed():
    unlabeled = FeatureSet("digits", Examples(FEATURES[:900]), Examples(FEATURES[900:]))
    with pytest.raises(EvaluationError, match="this measure needs labels; give a labeled data set, or --measures=unl"):
        measure_all(unlabeled)
