"""What holds for every loss beside GNT-Xent: values, gradients, forms, precision, graphs."""

import numpy as np
import pytest
import references_loss
import tensorflow as tf

from aag_tf.losses import gnt_xent, streaming

OTHERS = {
    "SupCon, out": {"coupling": 1.0, "positives": "out"},
    "coupled by half, out": {"coupling": 0.5, "positives": "out"},
    "SupCon, in": {"coupling": 1.0, "positives": "in"},
    "decoupled, in": {"coupling": 0.0, "positives": "in"},
    "DCLW": {"coupling": 0.0, "dclw_sigma": 0.5},
    "DCLW, sharp": {"coupling": 0.0, "dclw_sigma": 0.1},
    "RINCE": {"coupling": 1.0, "rince_q": 0.5, "rince_lambda": 0.025},
    "RINCE, symmetric": {"coupling": 0.0, "rince_q": 1.0},
    "RINCE, SupCon, out": {"coupling": 1.0, "positives": "out", "rince_q": 0.1},
    "RINCE, SupCon, in": {"coupling": 1.0, "positives": "in", "rince_q": 0.1},
}
FORMS = ("dense", "streaming")


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_ELEMENTS", 128)  # several blocks, the last one partly filled
        yield


@pytest.fixture(params=OTHERS, ids=str)
def other(request):
    return OTHERS[request.param]


def reference(projections, **arguments):
    if "dclw_sigma" in arguments:
        return references_loss.dclw(projections, **{k: v for k, v in arguments.items() if k != "coupling"})
    return references_loss.other_loss(projections, **arguments)


def value_and_gradients(projections, temperature, **settings):
    x = tf.convert_to_tensor(projections)
    t = tf.constant(temperature, x.dtype)
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        loss = gnt_xent(x, temperature=t, **settings)
    by_x, by_t = tape.gradient(loss, [x, t])
    return float(loss), by_x.numpy(), float(by_t)


def batch(rng, images=5, views=4):
    """Views of an image near each other, as in training, and projections of various lengths."""
    x = rng.normal(size=(images, views, 6)) + 2.0 * rng.normal(size=(images, 1, 6))
    return x * rng.uniform(0.5, 2.0, size=(images, views, 1))


KEPT = [  # settings that every loss goes together with
    {},
    {"aux_weight": 0.0},
    {"aux_weight": 0.6, "aux_negatives": False, "sample_weight": np.array([0.3, 1.0, 0.0, 2.0, 0.5])},
]


@pytest.mark.parametrize("kept", KEPT, ids=["plain", "no auxiliary positives", "weights"])
def test_value_and_gradients_equal_the_loops(other, kept, rng):
    x, direction = batch(rng), rng.normal(size=(5, 4, 6))
    arguments = {**other, **kept}
    dense, streamed = (value_and_gradients(x, 0.2, form=form, **arguments) for form in FORMS)
    for one, another in zip(dense, streamed, strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-9, atol=1e-12)
    value, by_x, by_t = dense
    assert value == pytest.approx(reference(x, temperature=0.2, **arguments), rel=1e-11)
    slope = references_loss.directional_derivative(
        lambda moved: reference(moved, temperature=0.2, **arguments), x, direction, 1e-5
    )
    assert np.sum(by_x * direction) == pytest.approx(slope, rel=1e-7)
    slope = references_loss.directional_derivative(
        lambda moved: reference(x, temperature=moved, **arguments), np.float64(0.2), 1.0, 1e-4
    )
    assert by_t == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("form", FORMS)
def test_float32_at_a_low_temperature(other, form, rng):
    x = batch(rng).astype(np.float32)
    value, by_x, by_t = value_and_gradients(x.astype(np.float64), 0.07, form=form, **other)
    found, found_by_x, found_by_t = value_and_gradients(x, 0.07, form=form, **other)
    assert value == pytest.approx(reference(x, temperature=0.07, **other), rel=1e-10)
    assert found == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(found_by_x, by_x, atol=1e-5 * np.abs(by_x).max())
    assert found_by_t == pytest.approx(by_t, rel=1e-4)


@pytest.mark.parametrize("name", ["RINCE, SupCon, in", "DCLW"])
def test_xla_with_an_unknown_temperature_equals_eager(name, rng):
    other = OTHERS[name]
    x = tf.constant(batch(rng))

    @tf.function(jit_compile=True)
    def compiled(projections, temperature):
        with tf.GradientTape() as tape:
            tape.watch([projections, temperature])
            loss = gnt_xent(
                projections, temperature=temperature, normalization_gradient="unscaled", form="dense", **other
            )
        return [loss, *tape.gradient(loss, [projections, temperature])]

    expected = value_and_gradients(x, 0.2, normalization_gradient="unscaled", form="dense", **other)
    for one, another in zip(compiled(x, tf.constant(0.2, tf.float64)), expected, strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-8, atol=1e-10)


def test_batches_of_unknown_size_and_without_weight(other, rng):
    @tf.function(input_signature=[tf.TensorSpec([None, 3, 6], tf.float64), tf.TensorSpec([None], tf.float64)])
    def loss(projections, weights):
        return gnt_xent(projections, temperature=0.2, sample_weight=weights, **other)

    for images in (2, 5):
        x, weights = batch(rng, images, 3), rng.uniform(0.1, 1.0, images)
        assert float(loss(x, weights)) == pytest.approx(
            reference(x, temperature=0.2, sample_weight=weights, **other), rel=1e-11
        )
        assert float(loss(x, np.zeros(images))) == 0.0


@pytest.mark.parametrize("kind", ["zeros", "one zero", "alike", "opposite"])
def test_corners_are_finite(other, kind, rng):
    x = {
        "zeros": np.zeros([2, 3, 4]),
        "one zero": rng.normal(size=[2, 3, 4]),
        "alike": np.ones([2, 3, 4]),
        "opposite": np.ones([2, 3, 4]) * np.array([1.0, -1.0])[:, None, None],
    }[kind].astype(np.float32)
    if kind == "one zero":
        x[0, 1] = 0.0
    for gradient in ("exact", "unscaled"):
        value, by_x, by_t = value_and_gradients(x, 0.07, normalization_gradient=gradient, **other)
        assert value == pytest.approx(reference(x, temperature=0.07, **other), rel=2e-5, abs=2e-5)
        assert np.isfinite(by_x).all()
        assert np.isfinite(by_t)
        assert not by_x[np.linalg.norm(x, axis=-1) == 0].any()
