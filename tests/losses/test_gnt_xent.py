import math

import keras
import numpy as np
import pytest
import references_loss
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aag_tf.config import LossConfig, leaves
from aag_tf.losses import GNTXent, LearnedTemperature, gnt_xent, streaming
from aag_tf.losses.positives import pair_losses
from aag_tf.utils.errors import ConfigError

FORMS = ("dense", "streaming")


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    # One to eight images per block, so that these small batches fill several blocks, the last one partly.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_ELEMENTS", 128)
        yield


def value_and_gradients(projections, temperature, **settings_):
    x = tf.convert_to_tensor(projections)
    t = tf.constant(temperature, tf.float64 if x.dtype == tf.float64 else tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        loss = gnt_xent(x, temperature=t, **settings_)
    by_x, by_t = tape.gradient(loss, [x, t])
    return float(loss), by_x.numpy(), float(by_t)


@st.composite
def cases(draw):
    views = draw(st.integers(2, 8))
    images = draw(st.integers(2, max(2, 32 // views)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    projections = rng.normal(size=(images, views, draw(st.integers(2, 17))))
    if draw(st.booleans()):  # views of an image near each other, as in training
        projections += 3.0 * projections[:, :1]
    scale = 10.0 ** draw(st.floats(-4, 4))
    return (projections * scale).astype(np.float32), {
        "temperature": draw(st.sampled_from([0.01, 0.2, 0.5]) | st.floats(0.01, 5.0)),
        "coupling": draw(st.sampled_from([0.0, 1e-3, 1.0]) | st.floats(0.0, 1.0)),
        "aux_weight": draw(st.sampled_from([0.0, 1.0]) | st.floats(0.0, 2.0)),
        "aux_negatives": draw(st.booleans()),
        "sample_weight": draw(st.sampled_from([None, rng.uniform(0.1, 2.0, images)])),
    }


def check_value(found, projections, arguments):
    expected = references_loss.gnt_xent(projections, **arguments)
    # A value near zero is a difference of similarities, which are rounded at the scale of 1/τ.
    assert found == pytest.approx(expected, rel=1e-5, abs=5e-7 / arguments["temperature"])


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)  # beside those with gradients below
@given(case=cases())
def test_float32_value_equals_the_loops(form, case):
    projections, arguments = case
    check_value(float(gnt_xent(projections, form=form, **arguments)), projections, arguments)


@pytest.mark.parametrize("coupling", [1e-300, 1e-30, 1e-3, 1.0])
def test_a_pairs_loss_and_gradient_are_exact_for_any_coupling(coupling):
    margin = np.array([-80.0, -7.0, -0.5, 0.0, 0.5, 7.0, 80.0])
    with tf.GradientTape() as tape:
        x = tf.constant(margin, tf.float32)
        tape.watch(x)
        losses = pair_losses(x, coupling)
    np.testing.assert_allclose(losses, np.logaddexp(np.log(coupling), margin), rtol=2e-6, atol=1e-37)
    expected = 1.0 / (1.0 + np.exp(np.log(coupling) - margin))
    np.testing.assert_allclose(tape.gradient(losses, x), expected, rtol=1e-5, atol=1e-38)


@settings(max_examples=30, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_gradients_equal_finite_differences_and_each_other(case, seed):
    projections, arguments = case
    x = projections.astype(np.float64)
    direction = np.random.default_rng(seed).normal(size=x.shape)
    dense, streamed = (value_and_gradients(x, form=form, **arguments) for form in FORMS)
    for one, other in zip(dense, streamed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(one).max())
    _, by_x, by_t = dense
    fixed = {name: value for name, value in arguments.items() if name != "temperature"}
    temperature = arguments["temperature"]
    slope = references_loss.directional_derivative(
        lambda moved: references_loss.gnt_xent(moved, **arguments), x, direction, 1e-5
    )
    scale = np.abs(by_x * direction).sum() + 1e-3 / (temperature * np.abs(x).max())
    assert np.sum(by_x * direction) == pytest.approx(slope, abs=1e-5 * scale)
    slope = references_loss.directional_derivative(
        lambda moved: references_loss.gnt_xent(x, temperature=moved, **fixed), np.float64(temperature), 1.0, 1e-4
    )
    assert by_t == pytest.approx(slope, rel=1e-6, abs=1e-6 / temperature)


@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_float32_value_and_gradient_equal_float64(case):
    projections, arguments = case
    temperature = arguments["temperature"]
    _, exact, exact_t = value_and_gradients(projections.astype(np.float64), form="dense", **arguments)
    lengths = np.linalg.norm(projections, axis=-1, keepdims=True)
    # A probability's relative error is the absolute error of its logit: below τ = 0.05 more than what 1e-5 allows for.
    relative = 1e-5 * max(1.0, 0.05 / temperature)
    largest = np.abs(exact * lengths).max()
    for form in FORMS:
        value, by_x, by_t = value_and_gradients(projections, form=form, **arguments)
        check_value(value, projections, arguments)
        assert np.abs((by_x - exact) * lengths).max() < relative * largest + 1e-7 / temperature
        # Sums of similarities over τ², which cancel where positives and negatives are alike.
        assert by_t == pytest.approx(exact_t, rel=relative, abs=2e-6 / temperature**2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("images", [2, 3, 8])
def test_all_projections_alike(form, images):
    alike = np.ones([images, 2, 5], np.float32)
    for temperature in (0.01, 0.5):
        nt_xent = gnt_xent(alike, temperature=temperature, coupling=1.0, form=form)
        decoupled = gnt_xent(alike, temperature=temperature, coupling=0.0, form=form)
        # All similarities are 1/τ: 2N - 2 negatives, and the positive too where it is coupled.
        assert float(nt_xent) == pytest.approx(math.log(2 * images - 1), abs=2e-5)
        assert float(decoupled) == pytest.approx(math.log(2 * images - 2), abs=2e-5)


def test_two_coupled_views_are_simclrs_nt_xent(rng):
    x = rng.normal(size=(6, 2, 8))
    expected = references_loss.simclr_nt_xent(x[:, 0], x[:, 1], 0.3)
    assert float(gnt_xent(x, temperature=0.3, coupling=1.0)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_invariances(form, rng):
    x = rng.normal(size=(6, 4, 8))
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))

    def loss(projections):
        return float(gnt_xent(projections, temperature=0.2, coupling=0.5, aux_weight=0.5, form=form))

    expected = loss(x)
    assert loss(x[rng.permutation(6)]) == pytest.approx(expected, rel=1e-12)
    assert loss(x[:, [1, 0, 2, 3]]) == pytest.approx(expected, rel=1e-12)
    assert loss(x[:, [0, 1, 3, 2]]) == pytest.approx(expected, rel=1e-12)
    assert loss(x @ rotation) == pytest.approx(expected, rel=1e-12)
    assert loss(x * rng.uniform(1e-4, 1e4, size=(6, 4, 1))) == pytest.approx(expected, rel=1e-12)
    assert abs(loss(x[:, [2, 1, 0, 3]]) - expected) > 1e-4  # a main and an auxiliary view are not alike


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("views", [2, 3, 8])
@pytest.mark.parametrize("coupling", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["zeros", "one zero", "alike", "opposite"])
def test_corners_are_finite(form, views, coupling, kind, rng):
    x = {
        "zeros": np.zeros([2, views, 4]),
        "one zero": rng.normal(size=[2, views, 4]),
        "alike": np.ones([2, views, 4]),
        "opposite": np.ones([2, views, 4]) * np.array([1.0, -1.0])[:, None, None],
    }[kind].astype(np.float32)
    if kind == "one zero":
        x[0, 1] = 0.0
    for temperature in (0.01, 1.0):
        loss, by_x, by_t = value_and_gradients(x, temperature, coupling=coupling, form=form)
        assert np.isfinite(loss)
        assert np.isfinite(by_x).all()
        assert np.isfinite(by_t)
        assert not by_x[np.linalg.norm(x, axis=-1) == 0].any()
        reference = references_loss.gnt_xent(x, temperature=temperature, coupling=coupling)
        assert loss == pytest.approx(reference, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_is_cast_before_anything_else(dtype, rng):
    x = tf.cast(rng.normal(size=(4, 3, 8)), dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = gnt_xent(x, temperature=0.05)
    gradient = tape.gradient(loss, x)
    assert (loss.dtype, gradient.dtype) == (tf.float32, dtype)
    expected = references_loss.gnt_xent(tf.cast(x, tf.float64).numpy(), temperature=0.05, coupling=0.0)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_graph_and_xla_equal_eager(form, jit_compile, rng):
    x = tf.constant(rng.normal(size=(6, 3, 8)))

    @tf.function(jit_compile=jit_compile)
    def compiled(projections):
        with tf.GradientTape() as tape:
            tape.watch(projections)
            loss = gnt_xent(projections, temperature=0.2, coupling=0.5, aux_negatives=False, form=form)
        return loss, tape.gradient(loss, projections)

    loss, gradient = compiled(x)
    expected, by_x, _ = value_and_gradients(x, 0.2, coupling=0.5, aux_negatives=False, form=form)
    assert float(loss) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(gradient, by_x, atol=1e-9)


@pytest.mark.parametrize("form", ["auto", *FORMS])
def test_unknown_batch_size_in_a_graph(form, rng):
    @tf.function(input_signature=[tf.TensorSpec([None, 3, 8], tf.float64)])
    def loss(projections):
        return gnt_xent(projections, temperature=0.2, form=form)

    for images in (2, 5, 9):
        x = rng.normal(size=(images, 3, 8))
        expected = references_loss.gnt_xent(x, temperature=0.2, coupling=0.0)
        assert float(loss(x)) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no negatives"):
        loss(rng.normal(size=(1, 3, 8)))


def test_weightless_images_still_are_negatives_and_weightless_batches_lose_nothing(rng):
    x = rng.normal(size=(4, 2, 8))
    weights = [1.0, 1.0, 0.0, 0.0]
    weighted = float(gnt_xent(x, temperature=0.2, sample_weight=weights))
    assert weighted == pytest.approx(
        references_loss.gnt_xent(x, temperature=0.2, coupling=0.0, sample_weight=weights), rel=1e-12
    )
    assert abs(weighted - float(gnt_xent(x[:2], temperature=0.2))) > 0.1
    assert float(gnt_xent(x, temperature=0.2, sample_weight=[0.0] * 4)) == 0.0


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((1, 2, 4), {}, "a batch of one image has no negatives"),
        ((4, 1, 4), {}, "stack two or more views"),
        ((4, 4), {}, r"projections of shape \(4, 4\)"),
        ((4, 2, 4), {"temperature": 0.0}, "temperature=0 is out of range"),
        ((4, 2, 4), {"temperature": -1.0}, "temperature=-1 is out of range"),
        ((4, 2, 4), {"temperature": math.nan}, "temperature=nan is out of range"),
        ((4, 2, 4), {"coupling": 1.5}, "coupling=1.5 is out of range"),
        ((4, 2, 4), {"aux_weight": -1.0}, "aux_weight=-1 is out of range"),
        ((4, 2, 4), {"positives": "all"}, "positives=all is not known"),
        ((4, 2, 4), {"positives": "out"}, "^positives=out is positives=pairs at coupling=0.*add coupling=1"),
        ((4, 2, 4), {"dclw_sigma": -0.5}, "dclw_sigma=-0.5 is out of range"),
        ((4, 2, 4), {"dclw_sigma": 0.5, "coupling": 0.1}, "^dclw_sigma=0.5 .* cannot be combined with coupling=0.1;"),
        ((4, 2, 4), {"dclw_sigma": 0.5, "rince_q": 0.1, "positives": "in"}, "with positives=in and rince_q=0.1;"),
        ((4, 2, 4), {"rince_q": 1.5}, "rince_q=1.5 is out of range"),
        ((4, 2, 4), {"rince_lambda": 0.0}, "rince_lambda=0 is out of range"),
        ((4, 2, 4), {"normalization_gradient": "none"}, "normalization_gradient=none is not known"),
        ((4, 2, 4), {"form": "sparse"}, "form=sparse is not known"),
        ((4, 2, 4), {"sample_weight": [1.0, 2.0]}, r"sample_weight of shape \(2,\)"),
    ],
)
def test_errors(shape, arguments, message):
    with pytest.raises(ConfigError, match=message):
        gnt_xent(tf.ones(shape), **{"temperature": 0.2, **arguments})


def test_temperature_tensors_are_looked_at():
    with pytest.raises(ConfigError, match=r"temperature=-0.5 is out of range"):
        gnt_xent(tf.ones([4, 2, 4]), temperature=tf.constant(-0.5))
    with pytest.raises(ConfigError, match=r"shape \(2,\) is not a scalar"):
        gnt_xent(tf.ones([4, 2, 4]), temperature=tf.constant([0.1, 0.2]))


def test_config_round_trip(rng):
    x = rng.normal(size=(4, 3, 8))
    loss = GNTXent(temperature=0.3, coupling=0.5, aux_weight=0.7, aux_negatives=False, form="streaming", name="it")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(None, x)) == float(loss(None, x))
    assert float(loss(None, x)) == float(loss.call(None, x))
    other = GNTXent(coupling=1.0, positives="in", rince_q=0.5, rince_lambda=0.1, normalization_gradient="unscaled")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(other))
    assert again.get_config() == other.get_config()
    assert float(again(None, x)) == float(other(None, x)) != float(GNTXent(coupling=1.0)(None, x))
    weighted = GNTXent.from_config(GNTXent(dclw_sigma=0.3).get_config())
    assert float(weighted(None, x)) == float(GNTXent(dclw_sigma=0.3)(None, x)) != float(GNTXent()(None, x))
    with pytest.raises(ConfigError, match="positives=out is"):
        GNTXent(positives="out")
    earlier = {
        "temperature": 0.3,
        "coupling": 1.0,
        "aux_weight": 1.0,
        "aux_negatives": True,
        "form": "auto",
        "name": "a",
    }
    assert float(GNTXent.from_config(earlier)(None, x)) == float(GNTXent(temperature=0.3, coupling=1.0)(None, x))
    learned = GNTXent(temperature=LearnedTemperature(0.1, minimum=0.05))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(learned))
    assert (again.temperature.minimum, float(again.temperature.value())) == (0.05, pytest.approx(0.1))
    assert GNTXent(temperature=tf.Variable(0.25)).get_config()["temperature"] == 0.25
    with pytest.raises(ConfigError, match="out of range"):
        GNTXent(temperature=0.0)


def test_defaults_are_those_of_training():
    expected, found = LossConfig(), GNTXent().get_config()
    assert found.pop("form") == expected.loss_form
    assert found.pop("name") == "gnt_xent"
    assert found == {name: getattr(expected, name) for name in found}
    assert set(found) == set(leaves(LossConfig)) - {"loss_form", "learn_temperature", "temperature_minimum"}


def test_compiled_into_a_keras_model(rng):
    x, labels = rng.normal(size=(6, 2, 8)).astype(np.float32), np.zeros(6)
    model = keras.Sequential([keras.Input((2, 8)), keras.layers.Dense(4, use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=GNTXent(temperature=0.3))
    history = model.fit(x, labels, sample_weight=np.arange(1.0, 7.0), batch_size=6, verbose=0)
    expected = references_loss.gnt_xent(
        model.predict(x, verbose=0), temperature=0.3, coupling=0.0, sample_weight=np.arange(1.0, 7.0)
    )
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
