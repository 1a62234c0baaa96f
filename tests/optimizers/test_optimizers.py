"""Learning-rate schedule, weight-decay exclusions and LARS against values worked out by hand."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import OptimizerConfig
from aag_tf.optimizers import LARS, WarmupStableDecay, build_optimizer, learning_rate_schedule, peak_learning_rate
from aag_tf.utils.errors import ConfigError


def rates(config, total_steps, batch=256):
    schedule = learning_rate_schedule(config, total_steps=total_steps, global_batch_size=batch)
    return np.array([float(schedule(step)) for step in range(total_steps + 1)])


def test_warm_up_is_linear_and_the_cosine_ends_at_zero():
    rate = rates(OptimizerConfig(learning_rate=0.4, warmup_fraction=0.1), 100)
    np.testing.assert_allclose(rate[:11], 0.4 * np.arange(11) / 10, atol=1e-6)
    cosine = [0.2 * (1 + math.cos(math.pi * step / 90)) for step in range(91)]
    np.testing.assert_allclose(rate[10:], cosine, atol=1e-6)


def test_wsd_is_constant_and_falls_by_a_root_at_the_end():
    config = OptimizerConfig(lr_schedule="wsd", learning_rate=0.4, warmup_fraction=0.1, decay_fraction=0.25)
    rate = rates(config, 100)
    np.testing.assert_allclose(rate[:11], 0.4 * np.arange(11) / 10, atol=1e-6)
    np.testing.assert_array_equal(rate[10:76], np.float32(0.4))
    np.testing.assert_allclose(rate[75:], 0.4 * (1 - np.sqrt(np.arange(26) / 25)), atol=1e-6)
    # A longer run with the same warm-up begins with the same rates, to the bit.
    longer = rates(dataclasses.replace(config, warmup_steps=10), 200)
    np.testing.assert_array_equal(longer[:76], rate[:76])
    np.testing.assert_array_equal(longer[76:151], np.float32(0.4))


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_warm_up_in_steps_takes_the_place_of_the_fraction(schedule):
    config = OptimizerConfig(lr_schedule=schedule, learning_rate=0.4, warmup_steps=4)
    np.testing.assert_allclose(rates(config, 100)[:5], 0.4 * np.arange(5) / 4, atol=1e-6)
    assert rates(dataclasses.replace(config, warmup_steps=0), 100)[0] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("schedule", "message"), [("cosine", "before its last step, in a run of 100 steps"), ("wsd", "before step 80, ")]
)
def test_a_warm_up_that_is_longer_than_the_run_is_refused(schedule, message):
    with pytest.raises(ConfigError, match=f"--warmup_steps=100 does not end {message}"):
        rates(OptimizerConfig(lr_schedule=schedule, warmup_steps=100), 100)


def test_wsd_round_trip():
    rate = WarmupStableDecay(0.5, warmup_steps=10, decay_start=80, total_steps=100)
    copy = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(rate))
    assert [float(copy(step)) for step in (5, 80, 85, 100)] == pytest.approx([0.25, 0.5, 0.25, 0.0])


def test_without_warm_up_the_first_step_has_the_full_rate():
    rate = rates(OptimizerConfig(learning_rate=0.4, warmup_fraction=0.0), 10)
    assert rate[0] == pytest.approx(0.4)
    assert rate[-1] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_a_run_of_one_step_still_learns(schedule):
    assert rates(OptimizerConfig(learning_rate=0.4, lr_schedule=schedule), 1)[0] > 0


@pytest.mark.parametrize(("rule", "expected"), [("none", 0.3), ("linear", 0.075), ("sqrt", 0.15)])
def test_scaling_rules_at_batch_64(rule, expected):
    config = OptimizerConfig(learning_rate=0.3, lr_scaling=rule)
    assert peak_learning_rate(config, 64) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon", "lars"])
def test_weight_decay_moves_kernels_and_neither_biases_nor_batch_norm(name):
    config = OptimizerConfig(optimizer=name, learning_rate=0.1, warmup_fraction=0.0, weight_decay=0.5)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()])
    for weight in model.trainable_variables:
        weight.assign(tf.ones_like(weight))
    optimizer = build_optimizer(config, total_steps=10, global_batch_size=256)
    optimizer.apply([tf.zeros_like(weight) for weight in model.trainable_variables], model.trainable_variables)
    after = {weight.path.split("/")[-1]: weight.numpy() for weight in model.trainable_variables}
    assert after["kernel"].max() < 1.0
    for excluded in ("bias", "gamma", "beta"):
        np.testing.assert_array_equal(after[excluded], 1.0)


def test_lars_step_by_step():
    # w = (3, 4), g = (0, 2): norms 5 and |g + 0.1 w| of g' = (0.3, 2.4); two steps with momentum 0.5.
    weight = keras.Variable([3.0, 4.0], name="kernel")
    optimizer = LARS(0.1, momentum=0.5, weight_decay=0.1, trust_coefficient=0.01)
    expected, velocity = np.array([3.0, 4.0]), np.zeros(2)
    for _ in range(2):
        optimizer.apply([tf.constant([0.0, 2.0])], [weight])
        gradient = np.array([0.0, 2.0]) + 0.1 * expected
        trust = 0.01 * np.linalg.norm(expected) / np.linalg.norm(gradient)
        velocity = 0.5 * velocity + 0.1 * trust * gradient
        expected = expected - velocity
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)


def test_lars_leaves_biases_unscaled_and_survives_zero_norms():
    bias, kernel = keras.Variable([1.0], name="bias"), keras.Variable([0.0], name="kernel")
    LARS(0.1, weight_decay=0.5).apply([tf.constant([2.0]), tf.constant([2.0])], [bias, kernel])
    np.testing.assert_allclose(bias.numpy(), 0.8, rtol=1e-6)
    np.testing.assert_allclose(kernel.numpy(), -0.2, rtol=1e-6)


def test_lars_config_round_trip():
    optimizer = LARS(0.3, momentum=0.8, weight_decay=1e-3, trust_coefficient=0.02, exclude=("bias",))
    copy = LARS.from_config(optimizer.get_config())
    assert (copy.momentum, copy.l2, copy.trust_coefficient, copy.exclude) == (0.8, 1e-3, 0.02, ("bias",))
    assert float(copy.learning_rate) == pytest.approx(0.3)
