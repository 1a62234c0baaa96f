import numpy as np
import pytest
import tensorflow as tf

from aag_tf.losses import gnt_xent
from aag_tf.losses.dclw import dclw_weights

# Of three images in two views, and by hand: exp(cos / 0.5) / mean of those.
COSINE = np.array([0.9, 0.5, -0.2])
NEARNESS = np.exp(COSINE / 0.5)


def weights(image_weight, sigma=0.5):
    found = dclw_weights(tf.constant(COSINE)[:, None, None] * tf.ones([1, 2, 2], tf.float64), image_weight, sigma)
    return found[:, 0, 1].numpy()


def test_farther_pairs_weigh_more_and_the_mean_weight_is_one():
    found = weights(tf.ones(3, tf.float64))
    np.testing.assert_allclose(found, 2 - NEARNESS / NEARNESS.mean(), rtol=1e-12)
    assert found[0] < found[1] < found[2] < 2
    assert found.mean() == pytest.approx(1.0, rel=1e-12)


def test_the_mean_is_that_of_the_loss():
    given = np.array([1.0, 0.0, 3.0])
    found = weights(tf.constant(given))
    np.testing.assert_allclose(found, 2 - NEARNESS / np.average(NEARNESS, weights=given), rtol=1e-12)
    assert np.average(found, weights=given) == pytest.approx(1.0, rel=1e-12)


def test_a_small_sigma_does_not_overflow():
    cosine = tf.constant(COSINE, tf.float32)[:, None, None] * tf.ones([1, 2, 2])
    np.testing.assert_allclose(dclw_weights(cosine, tf.ones(3), 1e-4)[:, 0, 1], [-1.0, 2.0, 2.0])


def test_pairs_of_views_have_means_of_their_own(rng):
    cosine = rng.uniform(-1, 1, size=(6, 3, 3))
    cosine[:, :, 2] -= 5.0  # an auxiliary view that is farther away from everything
    found = dclw_weights(tf.constant(cosine), tf.ones(6, tf.float64), 0.5)
    np.testing.assert_allclose(tf.reduce_mean(found, axis=0), np.ones([3, 3]), rtol=1e-12)


def test_a_large_sigma_is_dcl(rng):
    x = rng.normal(size=(5, 3, 6))
    alike = float(gnt_xent(x, temperature=0.3, dclw_sigma=100.0))
    assert alike == pytest.approx(float(gnt_xent(x, temperature=0.3)), abs=0.02)
    assert abs(float(gnt_xent(x, temperature=0.3, dclw_sigma=0.5)) - alike) > 0.1
