"""The moving average of weights, against the same recurrence in NumPy, on one replica and on two."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.optimizers import WeightAverage

MOMENTUM = 0.6


def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])


@pytest.mark.parametrize("replicas", [1, 2])
def test_weights_and_moving_statistics_are_averaged_by_the_formula(replicas):
    strategy = tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(replicas)])
    with strategy.scope():
        source = network()
        average = WeightAverage(source, network(), MOMENTUM)
    expected = source.get_weights()
    for got, value in zip(average.encoder.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(got, value)  # it starts where the weights are

    @tf.function
    def update(step):
        strategy.run(average.update, args=(step,))

    for step in range(8):
        source.set_weights([value + 1.0 for value in source.get_weights()])
        update(tf.constant(step, tf.int64))
        keep = min(MOMENTUM, (1 + step) / (10 + step))  # 0.1 at first, MOMENTUM from step 13 on
        expected = [keep * old + (1 - keep) * new for old, new in zip(expected, source.get_weights(), strict=True)]
    for got, value in zip(average.encoder.get_weights(), expected, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-6)
    if replicas > 1:
        kernel = average.encoder.layers[0].kernel.value
        copies = [copy.numpy() for copy in strategy.experimental_local_results(kernel)]
        np.testing.assert_array_equal(copies[0], copies[1])
