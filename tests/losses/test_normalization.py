import numpy as np
import pytest
import tensorflow as tf

from aag_tf.losses import gnt_xent
from aag_tf.losses.normalization import normalize


def gradient(function, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return value, tape.gradient(value, x).numpy()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unscaled_is_the_tangent_part_of_the_upstream_gradient(dtype, scale, rng):
    x, upstream = (scale * rng.normal(size=(4, 3, 5))).astype(dtype), rng.normal(size=(4, 3, 5)).astype(dtype)
    unit = x / np.linalg.norm(x, axis=-1, keepdims=True)
    tangent = upstream - np.sum(upstream * unit, axis=-1, keepdims=True) * unit
    _, unscaled = gradient(lambda x: tf.reduce_sum(normalize(x, "unscaled") * upstream), x)
    _, exact = gradient(lambda x: tf.reduce_sum(normalize(x) * upstream), x)
    np.testing.assert_allclose(unscaled, tangent, atol=1e-5)
    np.testing.assert_allclose(exact * np.linalg.norm(x, axis=-1, keepdims=True), tangent, atol=1e-5)


def test_the_value_is_the_same_and_the_gradient_no_longer_depends_on_lengths(rng):
    x = rng.normal(size=(5, 3, 6))
    longer = x * rng.uniform(1.0, 100.0, size=(5, 3, 1))

    def loss(x, how):
        return gnt_xent(x, temperature=0.2, normalization_gradient=how)

    value, by_x = gradient(lambda x: loss(x, "exact"), longer)
    same, unscaled = gradient(lambda x: loss(x, "unscaled"), longer)
    assert float(same) == float(value)
    np.testing.assert_allclose(unscaled, by_x * np.linalg.norm(longer, axis=-1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(unscaled, gradient(lambda x: loss(x, "unscaled"), x)[1], rtol=1e-8, atol=1e-12)


def test_zero_vectors_have_no_gradient():
    _, found = gradient(
        lambda x: tf.reduce_sum(normalize(x, "unscaled")), np.array([[0.0, 0.0], [3e-9, 0.0], [2.0, 1.0]])
    )
    assert not found[:2].any()
    assert found[2].any()
