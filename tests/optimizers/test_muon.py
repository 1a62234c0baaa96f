"""Muon against its formula in NumPy, for matrices and for kernels of convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.encoders import dtype_policy
from aag_tf.optimizers import Muon


def orthogonalized(matrix):
    """Five iterations of Newton and Schulz with the coefficients of the method."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / np.linalg.norm(x)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3, 2, 4)])
def test_steps_of_kernels(shape):
    generator = np.random.default_rng(0)
    start, *gradients = generator.normal(size=(3, *shape))
    kernel = keras.Variable(start.astype(np.float32), name="kernel")
    optimizer = Muon(0.1, momentum=0.9, weight_decay=0.5)
    expected, momentum = start, np.zeros(shape)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [kernel])
        momentum = 0.9 * momentum + gradient
        step = orthogonalized((gradient + 0.9 * momentum).reshape(-1, shape[-1]))
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * 0.2 * np.sqrt(max(step.shape)) * step.reshape(shape)
        np.testing.assert_allclose(kernel.numpy(), expected, rtol=1e-4, atol=1e-4)
    singular = np.linalg.svd(step, compute_uv=False)
    assert 0.6 < singular.min() <= singular.max() < 1.3


def test_where_layers_compute_in_bfloat16_so_do_the_iterations():
    generator = np.random.default_rng(0)
    gradient = generator.normal(size=(3, 3, 20, 48)).astype(np.float32)
    exact = orthogonalized(gradient.reshape(180, 48).astype(np.float64)).reshape(gradient.shape)
    errors = {}
    for policy in ("float32", "mixed_bfloat16"):
        with dtype_policy(policy):
            optimizer = Muon(1.0, momentum=0.0, nesterov=False)
        kernel = keras.Variable(np.zeros_like(gradient), name="kernel")
        optimizer.apply([tf.constant(gradient)], [kernel])
        step = -kernel.numpy() / (0.2 * np.sqrt(180))
        errors[optimizer.compute_dtype] = np.linalg.norm(step - exact) / np.linalg.norm(exact)
    assert errors["float32"] < 1e-5
    assert 1e-4 < errors["bfloat16"] < 0.15
    singular = np.linalg.svd(step.reshape(180, 48), compute_uv=False)
    assert 0.6 < singular.min() <= singular.max() < 1.3  # what the iterations promise, rounded or not


def test_all_else_takes_steps_of_adamw():
    generator = np.random.default_rng(0)
    starts = [generator.normal(size=shape).astype(np.float32) for shape in [(4,), (3, 3, 4, 1), ()]]
    results = []
    for optimizer in (Muon(0.1, weight_decay=0.5), keras.optimizers.AdamW(0.1, weight_decay=0.5)):
        variables = [keras.Variable(start, name="weight") for start in starts]
        for scale in (1.0, -0.3):
            optimizer.apply([tf.constant(scale * start + 0.1) for start in starts], variables)
        results.append([variable.numpy() for variable in variables])
    for own, of_adamw in zip(*results, strict=True):
        np.testing.assert_allclose(own, of_adamw, rtol=1e-4, atol=1e-5)


def test_config_round_trip():
    optimizer = Muon(0.3, momentum=0.8, weight_decay=1e-3, ns_steps=4, compute_dtype="bfloat16")
    copy = Muon.from_config(optimizer.get_config())
    assert copy.compute_dtype == "bfloat16"
    assert (copy.momentum, copy.weight_decay, copy.adam_weight_decay, copy.ns_steps) == (0.8, 1e-3, 1e-3, 4)
    assert float(copy.learning_rate) == pytest.approx(0.3)
