"""The linear probe: scikit-learn's solution of the same problem, features of any scale, and an honest choice of l2."""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from aag_tf.evaluation import fit_linear_probe
from aag_tf.utils.errors import EvaluationError

linear_probe = importlib.import_module("aag_tf.evaluation.linear_probe")
logistic_regression = importlib.import_module("aag_tf.evaluation.logistic_regression")


def digits():
    images, labels = load_digits(return_X_y=True)
    return (images[:1200].astype(np.float32), labels[:1200]), (images[1200:].astype(np.float32), labels[1200:])


def sklearn_fit(features, labels, l2):
    scaler = StandardScaler().fit(features.astype(np.float64))
    model = LogisticRegression(C=1 / (l2 * len(labels)), tol=1e-8, max_iter=5000)
    return scaler, model.fit(scaler.transform(features), labels)


def objective(probe_weights, probe_bias, rows, labels, l2):
    logits = rows @ probe_weights + probe_bias
    peak = logits.max(axis=1, keepdims=True)
    log_normalizer = np.log(np.exp(logits - peak).sum(axis=1)) + peak[:, 0]
    return np.mean(log_normalizer - logits[np.arange(len(labels)), labels]) + l2 / 2 * np.sum(probe_weights**2)


def test_numpy_and_tensorflow_compute_the_same_objective_and_gradient():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 60)
    used = rng.random(60) < 0.8
    problem = linear_probe._problem(tf.constant(rng.normal(size=(60, 9)), tf.float32), labels, used)
    lower = logistic_regression._preconditioner(problem.rows, 4, 1e-3)
    ways = [way(problem, lower, 1e-3) for way in (logistic_regression._by_numpy, logistic_regression._by_tensorflow)]
    for size in (0.0, 1.0, 30.0):
        point = size * rng.normal(size=40)
        (value, gradient), (expected, slope) = (way(point) for way in ways)
        assert value == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("l2", [1e-1, 1e-3, 1e-5])
def test_reaches_the_minimum_that_scikit_learn_reaches(l2):
    (features, labels), (queries, truth) = digits()
    scaler, model = sklearn_fit(features, labels, l2)
    probe = fit_linear_probe(features, labels, l2_grid=[l2])
    rows = scaler.transform(features)
    best = objective(model.coef_.T, model.intercept_, rows, labels, l2)
    assert best < 0.9 * np.log(10)  # below the start, so that agreement means something
    found = objective(probe.weights.astype(np.float64), probe.bias.astype(np.float64), rows, labels, l2)
    assert found == pytest.approx(best, rel=1e-3, abs=1e-5)
    expected = 100 * np.mean(model.predict(scaler.transform(queries)) == truth)
    assert 100 * np.mean(probe.predict(queries) == truth) == pytest.approx(expected, abs=0.2)


def test_agrees_with_scikit_learn_on_correlated_features():
    # Five directions carry nearly all variance, as in a network's features: plain L-BFGS needs hundreds of iterations.
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 5000)
    hidden = rng.normal(size=(4, 40))[labels] + 2 * rng.normal(size=(5000, 40))
    mixing = rng.normal(size=(40, 40)) * np.where(np.arange(40) < 5, 10.0, 0.1)[:, np.newaxis]
    features = (hidden @ mixing).astype(np.float32)
    l2 = 1e-4
    scaler, model = sklearn_fit(features[:4000], labels[:4000], l2)
    probe = fit_linear_probe(features[:4000], labels[:4000], l2_grid=[l2])
    expected = 100 * np.mean(model.predict(scaler.transform(features[4000:])) == labels[4000:])
    assert 50 < expected < 95  # neither chance nor perfect, so that a bad fit shows
    assert 100 * np.mean(probe.predict(features[4000:]) == labels[4000:]) == pytest.approx(expected, abs=0.2)


def test_chooses_regularization_on_rows_that_were_held_out():
    # One informative feature among 1000 of noise: the less regularization, the more noise is fitted.
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    features = rng.normal(size=(2000, 1000)).astype(np.float32)
    features[:, 0] += 3 * labels
    probe = fit_linear_probe(features, labels)
    assert set(probe.held_out_accuracy) == set(linear_probe.L2_GRID)
    assert probe.held_out_accuracy[probe.l2] == max(probe.held_out_accuracy.values())
    assert probe.l2 >= 1e-1
    assert probe.held_out_accuracy[1e-6] < probe.held_out_accuracy[probe.l2] - 0.05


def test_refits_on_every_row_with_the_chosen_value():
    (features, labels), (queries, _) = digits()
    chosen = fit_linear_probe(features, labels)
    alone = fit_linear_probe(features, labels, l2_grid=[chosen.l2])
    assert alone.held_out_accuracy == {}
    assert np.mean(chosen.predict(queries) == alone.predict(queries)) > 0.995


def test_scale_shift_and_constant_features_change_nothing():
    (features, labels), (queries, _) = digits()
    assert (features.std(axis=0) == 0).any()  # the corners of the digits are always empty
    plain = fit_linear_probe(features, labels, l2_grid=[1e-2])
    scale = np.geomspace(1e-3, 1e3, 64).astype(np.float32)
    changed = fit_linear_probe(features * scale + 5 * scale, labels, l2_grid=[1e-2])
    same = plain.predict(queries) == changed.predict(queries * scale + 5 * scale)
    assert same.mean() > 0.995


def test_labels_may_be_any_integers():
    (features, labels), (queries, _) = digits()
    plain = fit_linear_probe(features, labels, l2_grid=[1e-2])
    renamed = fit_linear_probe(features, labels * 1000 - 4, l2_grid=[1e-2])
    np.testing.assert_array_equal(renamed.predict(queries), plain.predict(queries) * 1000 - 4)


def test_is_reproducible():
    (features, labels), _ = digits()
    first, second = (fit_linear_probe(features, labels) for _ in range(2))
    assert first.held_out_accuracy == second.held_out_accuracy
    np.testing.assert_allclose(first.weights, second.weights, atol=1e-5)


def test_refuses_what_cannot_be_fitted():
    (features, labels), _ = digits()
    with pytest.raises(EvaluationError, match="all 1200 labeled images are of class 1"):
        fit_linear_probe(features, np.ones_like(labels))
    with pytest.raises(EvaluationError, match="1200 of 1200 training features contain NaN"):
        fit_linear_probe(features * np.nan, labels)
    with pytest.raises(EvaluationError, match="10 training labels for 1200"):
        fit_linear_probe(features, labels[:10])
    with pytest.raises(EvaluationError, match="fitted to features of length 64 and is given 63"):
        fit_linear_probe(features, labels, l2_grid=[1.0]).predict(features[:, 1:])


def test_fewer_rows_than_features_reach_the_same_minimum():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    features = (rng.normal(size=(3, 200))[labels] + 3 * rng.normal(size=(60, 200))).astype(np.float32)
    l2 = 1e-2
    scaler, model = sklearn_fit(features, labels, l2)
    probe = fit_linear_probe(features, labels, l2_grid=[l2])
    np.testing.assert_allclose(probe.weights.T, model.coef_, atol=2e-3)
    rows = scaler.transform(features)
    best = objective(model.coef_.T, model.intercept_, rows, labels, l2)
    found = objective(probe.weights.astype(np.float64), probe.bias.astype(np.float64), rows, labels, l2)
    assert found == pytest.approx(best, rel=1e-3)


def test_folds_hold_out_every_row_once_and_every_class_in_each():
    indices = np.repeat([0, 1, 2], [50, 20, 5])
    masks = linear_probe._held_out(indices, 5)
    np.testing.assert_array_equal(np.sum(masks, axis=0), 1)
    assert [[int(np.sum(indices[mask] == owner)) for owner in range(3)] for mask in masks] == [[10, 4, 1]] * 5
    (features, labels), (queries, truth) = digits()
    probe = fit_linear_probe(features[:150], labels[:150], folds=5)
    assert np.mean(probe.predict(queries) == truth) > 0.8
    assert probe.held_out_accuracy[probe.l2] == max(probe.held_out_accuracy.values())
    assert all(round(150 * value, 6) == round(150 * value) for value in probe.held_out_accuracy.values())


def test_rows_that_are_all_alike_still_give_a_probe():
    probe = fit_linear_probe(np.ones([4, 9], np.float32), np.array([0, 1, 1, 1]), l2_grid=[1.0])
    np.testing.assert_array_equal(probe.predict(np.zeros([2, 9], np.float32)), [1, 1])


def test_many_features_that_are_much_alike_are_no_hurdle():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1600)
    shared = 10 * rng.normal(size=(1600, 1)) + 0.1 * rng.normal(size=(1600, 5)) @ rng.normal(size=(5, 1500))
    features = (shared + 0.2 * labels[:, np.newaxis] * rng.normal(size=1500)).astype(np.float32)
    probe = fit_linear_probe(features, labels)
    assert probe.held_out_accuracy[1e-6] > 0.95
    assert np.isfinite(probe.weights).all()
