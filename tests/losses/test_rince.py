import math

import numpy as np
import pytest
import references_loss
import tensorflow as tf

from aag_tf.config import LossConfig
from aag_tf.losses import gnt_xent
from aag_tf.losses.rince import rince
from aag_tf.utils.errors import ConfigError


def test_two_views_by_the_formula_of_the_paper(rng):
    x = rng.normal(size=(4, 2, 6))
    z = (x / np.linalg.norm(x, axis=-1, keepdims=True)).transpose(1, 0, 2).reshape(8, 6)  # all first views, then second
    terms = np.exp(z @ z.T / 0.5)
    losses = []
    for i in range(8):
        pos = terms[i, (i + 4) % 8]
        neg = terms[i].sum() - terms[i, i] - pos
        losses.append(-(pos**0.3) / 0.3 + (0.02 * (pos + neg)) ** 0.3 / 0.3)
    found = gnt_xent(x, temperature=0.5, coupling=1.0, rince_q=0.3, rince_lambda=0.02)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_q_is_the_logarithmic_loss(dtype, rng):
    x = rng.normal(size=(5, 3, 6)).astype(dtype)
    logarithmic = float(gnt_xent(x, temperature=0.2, coupling=1.0))
    found = float(gnt_xent(x, temperature=0.2, coupling=1.0, rince_q=1e-7, rince_lambda=0.01))
    assert found == pytest.approx(logarithmic + math.log(0.01), rel=1e-5)


@pytest.mark.parametrize("images", [2, 8])
def test_all_projections_alike(images):
    found = gnt_xent(np.ones([images, 2, 5]), temperature=0.5, coupling=1.0, rince_q=0.5, rince_lambda=0.01)
    expected = math.exp(1.0) * (math.sqrt(0.01 * (2 * images - 1)) - 1) / 0.5  # each of the 2N - 1 terms is exp(2)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_a_pair_that_is_far_apart_pulls_less_the_larger_q():
    log_negatives = 2.0

    def pull(similarity, q):
        s = tf.constant(similarity, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(s)
            loss = rince(s, log_negatives - s, q, 0.01) if q else log_negatives - s
        return -float(tape.gradient(loss, s))

    assert [pull(s, 0.0) for s in (-3.0, 0.0, 3.0)] == [1.0, 1.0, 1.0]
    for q in (0.1, 0.5, 1.0):
        assert [pull(s, q) for s in (-3.0, 0.0, 3.0)] == pytest.approx([math.exp(q * s) for s in (-3.0, 0.0, 3.0)])


def test_what_overflows_is_refused_and_what_is_allowed_does_not(rng):
    for refused in (
        {"temperature": 0.033},
        {"temperature": 0.5, "learn_temperature": True, "temperature_minimum": 0.02},
    ):
        with pytest.raises(ConfigError, match=r"--rince_q=1 overflows at --temperature.* to 0.034 or more\.$"):
            LossConfig(rince_q=1.0, **refused)
    allowed = LossConfig(rince_q=1.0, temperature=0.034)
    x = tf.constant(rng.normal(size=(64, 3, 6)) * 0.01 + rng.normal(size=(64, 1, 6)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = gnt_xent(x, temperature=allowed.temperature, coupling=1.0, rince_q=allowed.rince_q)
    norm = float(tf.norm(tape.gradient(loss, x)))
    expected = references_loss.other_loss(x.numpy(), temperature=0.034, coupling=1.0, rince_q=1.0)
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(norm)
