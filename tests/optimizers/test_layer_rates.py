"""Rates of layers: the update of Keras's optimizers by other rates, weight decay included."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import OptimizerConfig
from aag_tf.optimizers import LayerRates, build_optimizer

STEPS = 4
NAMES = ("kernel", "bias", "last_kernel", "gamma")  # biases and gammas are not decayed


def variables():
    generator = np.random.default_rng(0)
    return [keras.Variable(generator.normal(size=(3, 2)).astype(np.float32), name=name) for name in NAMES]


def updated(optimizer, settings, steps=STEPS, rates=None):
    """The variables after some steps with the same gradients, and the optimizer."""
    weights = variables()
    made = build_optimizer(
        OptimizerConfig(optimizer=optimizer, warmup_fraction=0.0, **settings),
        total_steps=STEPS,
        global_batch_size=64,
        layer_rates=rates,
    )
    made.build(weights)
    generator = np.random.default_rng(1)
    for _ in range(steps):
        made.apply([tf.constant(generator.normal(size=(3, 2)).astype(np.float32)) for _ in weights], weights)
    return [weight.numpy() for weight in weights], made


SETTINGS = {
    "adamw": {"learning_rate": 0.1, "weight_decay": 0.3},
    "muon": {"learning_rate": 0.1, "weight_decay": 0.3},
    "sgd": {"learning_rate": 0.1, "weight_decay": 0.3},
    "lars": {"learning_rate": 20.0, "weight_decay": 0.3},
}


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_each_variable_moves_as_by_an_optimizer_of_its_rate(optimizer):
    settings = SETTINGS[optimizer]
    got, _ = updated(optimizer, settings, rates=LayerRates((0.25, 0.25)))
    slow, _ = updated(optimizer, settings | {"learning_rate": settings["learning_rate"] / 4})
    usual, _ = updated(optimizer, settings)
    for weight, wanted, start in zip(got, [*slow[:2], *usual[2:]], variables(), strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-5, atol=1e-6)
        assert np.abs(weight - start.numpy()).max() > 1e-3


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_waiting_variables_stay_and_the_others_do_not(optimizer):
    rates, start = LayerRates((1.0, 1.0), wait_steps=2), [weight.numpy() for weight in variables()]
    usual, _ = updated(optimizer, SETTINGS[optimizer], steps=2)
    for steps in (1, 2):
        waiting, _ = updated(optimizer, SETTINGS[optimizer], steps=steps, rates=rates)
        for weight, before in zip(waiting[:2], start[:2], strict=True):
            np.testing.assert_array_equal(weight, before)
    for weight, wanted in zip(waiting[2:], usual[2:], strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-5, atol=1e-6)
    later, _ = updated(optimizer, SETTINGS[optimizer], steps=3, rates=rates)
    assert all(np.abs(weight - before).max() > 1e-3 for weight, before in zip(later, start, strict=True))


def test_rates_that_change_nothing_are_the_usual_optimizer():
    _, optimizer = updated("adamw", {}, rates=LayerRates((1.0, 1.0)))
    assert type(optimizer) is keras.optimizers.AdamW
