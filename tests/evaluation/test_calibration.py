"""Calibration: temperatures and errors that can be computed by hand."""

import math

import numpy as np
import pytest

from aag_tf.evaluation.calibration import (
    calibration_bins,
    calibration_error,
    calibration_error_interval,
    confidences,
    cross_entropy,
    fit_temperature,
)


def drawn(count, temperature, seed=0):
    """Logits, and labels drawn from their probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(count, 5))
    probabilities = np.exp(logits / temperature)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    owners = (probabilities.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    return logits, owners


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature):
    logits, owners = drawn(20_000, temperature)
    assert fit_temperature(logits, owners) == pytest.approx(temperature, rel=0.05)


def test_few_images_that_are_all_right_do_not_make_it_certain():
    owners = np.arange(6) % 2
    logits = np.where(np.eye(2)[owners] == 1, 1.0, -1.0)
    found = fit_temperature(logits, owners)
    # the condition of a minimum, by hand: 6 · 2x·e^-2x/(1+e^-2x) = -log T with x = 1/T
    x = 1 / found
    assert 12 * x * math.exp(-2 * x) / (1 + math.exp(-2 * x)) == pytest.approx(math.log(x), abs=1e-3)
    assert 0.2 < found < 1.0


def test_weights_count_images():
    logits, owners = drawn(300, 1.0)
    weights = np.zeros(300)
    weights[:100] = 1 / 100
    ones = np.concatenate([logits[:100]] * 3), np.concatenate([owners[:100]] * 3)
    assert fit_temperature(logits, owners, weights) == pytest.approx(fit_temperature(*ones), rel=1e-4)


def test_cross_entropy_and_confidence_by_hand():
    logits = np.array([[math.log(3), 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(cross_entropy(logits, np.array([0, 1])), [math.log(4 / 3), math.log(2)])
    np.testing.assert_allclose(confidences(logits), [0.75, 0.5])
    np.testing.assert_allclose(confidences(logits, 0.5), [0.9, 0.5])  # 9 to 1


def test_the_error_of_bins_by_hand():
    # bins of 1/15: 0.62 and 0.65 share the tenth, 0.95 and 1 the last
    confidence = np.array([0.62, 0.65, 0.95, 1.0])
    right = np.array([True, False, True, True])
    assert calibration_error(confidence, right) == pytest.approx((abs(1 - 1.27) + abs(2 - 1.95)) / 4)
    first, last = calibration_bins(confidence, right)
    assert (first.count, first.accuracy, last.count, last.accuracy) == (2, 0.5, 2, 1.0)
    assert first.confidence == pytest.approx(0.635)


def test_scaling_lowers_the_error_and_the_interval_holds_it():
    logits, owners = drawn(4_000, 2.0)
    right = logits.argmax(axis=1) == owners
    before, after = (confidences(logits, temperature) for temperature in (1.0, fit_temperature(logits, owners)))
    assert calibration_error(before, right) > 0.1
    assert calibration_error(after, right) < 0.03
    low, high = calibration_error_interval(before, right, seed=1)
    assert low < calibration_error(before, right) < high
    assert high - low < 0.05
    assert (low, high) == calibration_error_interval(before, right, seed=1)
