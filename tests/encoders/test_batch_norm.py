"""The fused batch norm is Keras's, in value, gradient and moving statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from processes import Process, finish
from replica_shares import normalize

from aag_tf.encoders import BatchNorm


def layers_with_same_weights(shape, **options):
    ours = BatchNorm(momentum=0.8, epsilon=1e-3, **options)
    reference = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3, **options)
    weights = [np.random.default_rng(0).uniform(0.5, 1.5, shape[-1]).astype("float32") for _ in range(4)]
    for layer in (ours, reference):
        layer.build(shape)
        layer.set_weights(weights)
    return ours, reference


def forward_and_gradient(layer, images, training):
    images = tf.constant(images)
    weighting = tf.random.stateless_normal(images.shape, [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=training)
        score = tf.reduce_sum(tf.cast(outputs, tf.float32) * weighting)
    return outputs.numpy(), [gradient.numpy() for gradient in tape.gradient(score, [images, layer.gamma, layer.beta])]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 5, 7, 3), (16, 3)])
def test_equals_keras_in_value_gradient_and_statistics(shape, training):
    images = np.random.default_rng(1).normal(2.0, 3.0, shape).astype("float32")
    ours, reference = layers_with_same_weights(shape)
    value, gradients = forward_and_gradient(ours, images, training)
    expected, expected_gradients = forward_and_gradient(reference, images, training)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-4)
    for ours_weight, reference_weight in zip(ours.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours_weight, reference_weight, rtol=1e-5, atol=1e-6)


def test_two_replicas_normalize_as_one_where_the_mean_is_large_beside_the_deviation(tmp_path):
    shape = (8, 4, 4, 3)
    images = np.random.default_rng(1).normal(1000.0, 0.5, shape).astype("float32")
    weighting = np.random.default_rng(2).normal(size=shape).astype("float32")
    np.savez(tmp_path / "in.npz", images=images, weighting=weighting)
    (code,), messages = finish(
        [Process(normalize, tmp_path / "in.npz", tmp_path / "out.npz", log=tmp_path / "log.txt")]
    )
    assert code == 0, messages
    found = np.load(tmp_path / "out.npz")

    exact = images.astype("float64")
    mean, deviation = exact.mean((0, 1, 2)), np.sqrt(exact.var((0, 1, 2)) + 1e-5)
    normalized = (exact - mean) / deviation
    expected = weighting - weighting.mean((0, 1, 2)) - normalized * (weighting * normalized).mean((0, 1, 2))
    np.testing.assert_allclose(found["outputs"], normalized, atol=1e-3)
    np.testing.assert_allclose(found["gradient"], expected / deviation, atol=1e-3)
    np.testing.assert_allclose(found["moving_mean"], np.stack([0.1 * mean] * 2), rtol=1e-5)
    np.testing.assert_allclose(found["moving_variance"], np.stack([0.9 + 0.1 * exact.var((0, 1, 2))] * 2), rtol=1e-4)


def test_a_batch_of_one_pixel_leaves_finite_moving_statistics():
    layer = BatchNorm()
    layer(np.ones((1, 1, 1, 2), "float32"), training=True)
    assert np.isfinite(np.concatenate(layer.get_weights())).all()


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_mixed_precision_normalizes_in_float32_and_returns_the_compute_type(compute):
    images = tf.cast(np.random.default_rng(0).normal(100.0, 1.0, (64, 4, 4, 2)), compute)
    layer, reference = BatchNorm(dtype=f"mixed_{compute}"), BatchNorm()
    outputs, expected = layer(images, training=True), reference(tf.cast(images, tf.float32), training=True)
    assert outputs.dtype == compute
    assert layer.moving_mean.dtype == "float32"
    # Of the same rounded images; what is left is the rounding of the output, half a unit of its last place.
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, rtol=0.004, atol=1e-3)
    for ours, theirs in zip(layer.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_frozen_layer_keeps_its_statistics():
    layer = BatchNorm()
    layer.build((None, 4, 4, 2))
    layer.trainable = False
    layer(np.full((8, 4, 4, 2), 50.0, "float32"), training=True)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0.0)


def test_config_round_trip():
    layer = BatchNorm(momentum=0.7, epsilon=1e-4, gamma_initializer="zeros", name="norm")
    copy = BatchNorm.from_config(layer.get_config())
    assert (copy.momentum, copy.epsilon, copy.name) == (0.7, 1e-4, "norm")
    copy.build((None, 3))
    np.testing.assert_array_equal(copy.gamma.numpy(), 0.0)
