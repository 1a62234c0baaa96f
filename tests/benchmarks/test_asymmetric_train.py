"""The losses of unequal roles, against a direct computation."""

import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script

asymmetric = script("asymmetric_train")
TAU = 0.3


def direct(z):
    """The loss: every anchor against its main positives, with all views of other images as negatives."""
    batch, views, _ = z.shape
    unit = z / np.linalg.norm(z, axis=-1, keepdims=True)
    similarity = np.einsum("bvd,cud->bvcu", unit, unit) / TAU
    losses = []
    for b in range(batch):
        for v in range(views):
            negatives = np.log(sum(np.exp(similarity[b, v, c]).sum() for c in range(batch) if c != b))
            losses += [negatives - similarity[b, v, b, u] for u in (0, 1) if u != v]
    return np.mean(losses)


@pytest.fixture
def projections():
    return tf.constant(np.random.default_rng(0).normal(size=(5, 4, 6)), tf.float32)


def gradient_of(projections, role):
    with tf.GradientTape() as tape:
        tape.watch(projections)
        loss = asymmetric.asymmetric_loss(projections, temperature=TAU, role=role)
    return loss.numpy(), tape.gradient(loss, projections).numpy()


@pytest.mark.parametrize("role", asymmetric.ROLES)
def test_auxiliary_views_are_no_positives(projections, role):
    assert gradient_of(projections, role)[0] == pytest.approx(direct(projections.numpy()), rel=1e-5)


def test_main_views_do_not_move_for_a_student(projections):
    z = projections.numpy()
    anchor, student = (gradient_of(projections, role)[1] for role in asymmetric.ROLES)

    def of_main_anchors(moved):
        unit = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
        similarity = np.einsum("bvd,cud->bvcu", unit, unit) / TAU
        total = 0.0
        for b in range(5):
            for v in (0, 1):
                others = [np.exp(similarity[b, v, c]).sum() for c in range(5) if c != b]
                total += np.log(sum(others)) - similarity[b, v, b, 1 - v]
        return total / (5 * 6)  # images, and pairs of each: 2 of main anchors, 4 of auxiliary ones

    step, numeric = 1e-3, np.zeros_like(z)
    for place in np.ndindex(5, 2, 6):
        up, down = z.astype(np.float64), z.astype(np.float64)
        up[place] += step
        down[place] -= step
        numeric[place] = (of_main_anchors(up) - of_main_anchors(down)) / (2 * step)
    np.testing.assert_allclose(student[:, :2], numeric[:, :2], atol=1e-5)
    assert np.abs(anchor[:, :2] - numeric[:, :2]).max() > 0.01


def test_a_role_is_asked_for():
    with pytest.raises(SystemExit, match="give one --role of: anchor; student"):
        asymmetric.main(["asymmetric_train.py", "--role=teacher"])
