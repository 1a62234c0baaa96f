import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.losses import LearnedTemperature, gnt_xent
from aag_tf.utils.errors import ConfigError


def test_learning_stops_at_the_bounds_and_comes_back():
    layer = LearnedTemperature(0.2, minimum=0.1, maximum=0.4)
    optimizer = keras.optimizers.SGD(1.0)
    for gradient, expected in ((100.0, 0.1), (-100.0, 0.4), (np.log(2.0), 0.2)):
        optimizer.apply([tf.constant(gradient, tf.float32)], layer.trainable_variables)
        assert float(layer.value()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("initial", [0.1, 0.2, 0.4])
def test_gradient_is_the_chain_rule_at_the_bounds_too(initial, rng):
    layer = LearnedTemperature(initial, minimum=0.1, maximum=0.4)
    x = tf.constant(rng.normal(size=(4, 2, 8)), tf.float32)
    plain = tf.constant(initial)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(plain)
        learned_loss, plain_loss = gnt_xent(x, temperature=layer), gnt_xent(x, temperature=plain)
    (by_logarithm,) = tape.gradient(learned_loss, layer.trainable_variables)
    assert float(by_logarithm) == pytest.approx(initial * float(tape.gradient(plain_loss, plain)), rel=1e-4)


def test_a_symbolic_temperature_is_checked_when_it_runs(rng):
    x = rng.normal(size=(4, 2, 8))

    @tf.function(input_signature=[tf.TensorSpec([], tf.float64)])
    def loss(temperature):
        return gnt_xent(x, temperature=temperature)

    assert float(loss(0.2)) == pytest.approx(float(gnt_xent(x, temperature=0.2)), rel=1e-12)
    with pytest.raises(tf.errors.InvalidArgumentError, match="temperature is out of range"):
        loss(0.0)


def test_bounds_must_be_ordered():
    with pytest.raises(ConfigError, match="move initial between the bounds"):
        LearnedTemperature(0.01, minimum=0.05)
