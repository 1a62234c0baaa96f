"""The training step: the same result over any number of replicas, and metrics that mean what they say."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from processes import Process, finish
from train_steps import STEPS, Recorder, overflow_on_the_second_replica, train_steps
from training_runs import ONE_BLOCK

from aag_tf.augment import build_views
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, ProjectorConfig
from aag_tf.data import open_source, training_batches
from aag_tf.encoders import build_networks
from aag_tf.losses import GNTXent, gnt_xent
from aag_tf.training.model import AAG

BATCH = 16
IMAGE_SHAPE = (8, 8, 1)
ENCODER = EncoderConfig(ONE_BLOCK)
NETWORKS = (
    ENCODER,
    ProjectorConfig(projector_width=32, projector_dim=8),
    IMAGE_SHAPE,
)


@pytest.fixture(scope="module")
def digits():
    return open_source(DataConfig()).train.images


def make_model(optimizer, encoder=ENCODER, **loss):
    keras.utils.set_random_seed(3)
    encoder, projector = build_networks(encoder, *NETWORKS[1:])
    model = AAG(encoder, projector, build_views(AugmentConfig(flip=False), IMAGE_SHAPE, jit_compile=False), seed=3)
    model.compile(optimizer, GNTXent(**loss), jit_compile=False)
    return model


def fit(model, images, steps, start_step=0):
    recorder = Recorder()
    batches = training_batches(images, global_batch_size=BATCH, seed=3, start_step=start_step, num_steps=steps)
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])
    return recorder.steps


def weights(model):
    return [tf.convert_to_tensor(weight).numpy() for weight in model.encoder.weights + model.projector.weights]


def several_ways(directory, ways):
    """Runs `train_steps` for each `(replicas, micro-batches)`; returns `{name: array}` for each."""
    outputs = {way: directory / f"{way[0]}x{way[1]}.npz" for way in ways}
    processes = [Process(train_steps, *way, out, log=out.with_suffix(".txt")) for way, out in outputs.items()]
    codes, messages = finish(processes)
    assert codes == [0] * len(ways), messages
    return {way: dict(np.load(out)) for way, out in outputs.items()}


def test_replicas_change_neither_losses_nor_gradients(tmp_path):
    found = several_ways(tmp_path, [(1, 1), (2, 1), (1, 2), (2, 2)])
    whole = found[1, 1]
    every = [value for name, value in whole.items() if name[len("gradient") :].isdigit()]
    assert whole["gradient_norm"][0] == pytest.approx(np.sqrt(sum(np.sum(value**2) for value in every)), rel=1e-4)
    assert len(set(whole["loss"])) == STEPS
    # Batch norm sees micro-batches, which hold the same images however the batch is split.
    for one, other in [((1, 1), (2, 1)), ((1, 2), (2, 2))]:
        norm = found[one]["gradient_norm"][0]
        np.testing.assert_allclose(found[other]["loss"], found[one]["loss"], rtol=1e-5)
        for name, expected in found[one].items():
            tolerance = 2e-5 * norm if name[len("gradient") :].isdigit() else 2e-3 * np.abs(expected).max()
            np.testing.assert_allclose(found[other][name], expected, atol=tolerance, err_msg=f"{other} {name}")


def test_a_model_that_is_not_compiled_trains_its_networks_and_no_temperature():
    encoder, projector = build_networks(*NETWORKS)
    model = AAG(encoder, projector, build_views(AugmentConfig(), IMAGE_SHAPE, jit_compile=False))
    assert model.temperature is None
    assert len(model.trained_variables) == len(encoder.trainable_variables) + len(projector.trainable_variables) > 0


def test_every_step_gets_its_own_batch(digits):
    seen = []

    class Spy(AAG):
        def train_step(self, batch):
            tf.py_function(lambda step: seen.append(int(step)), [batch["step"][0]], [])
            return super().train_step(batch)

    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        encoder, projector = build_networks(*NETWORKS)
        model = Spy(encoder, projector, build_views(AugmentConfig(), IMAGE_SHAPE, jit_compile=False))
        model.compile(keras.optimizers.SGD(0.1), GNTXent(), jit_compile=False)
    fit(model, digits, 4, start_step=7)
    # Keras can take, and drop, a batch to look at its shape: no step may be missing here.
    assert seen == [7, 8, 9, 10]
    assert int(tf.convert_to_tensor(model.optimizer.iterations)) == 4


def test_the_loss_reported_is_that_of_the_projections_of_the_views(digits):
    model = make_model(keras.optimizers.SGD(0.0), temperature=0.3, coupling=0.5, aux_weight=0.7)
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=2, num_steps=1)))
    views = model.draw_views(batch)
    assert views.shape == (BATCH, 3, *IMAGE_SHAPE)
    expected = gnt_xent(model.project(views, training=True), temperature=0.3, coupling=0.5, aux_weight=0.7)
    assert float(model.train_step(batch)["loss"]) == pytest.approx(float(expected), rel=1e-6)


def test_views_of_an_image_stand_beside_each_other(digits):
    model = make_model(keras.optimizers.SGD(0.0))
    views = tf.random.stateless_uniform([4, 3, *IMAGE_SHAPE], [1, 2], maxval=255.0)
    projections = model.project(views, training=False)
    one = model.projector(model.encoder(views[2, 1][tf.newaxis], training=False), training=False)
    np.testing.assert_allclose(projections[2, 1], one[0], rtol=1e-4, atol=1e-5)


def test_views_drawn_on_the_host_are_taken_as_they_are(digits):
    model = make_model(keras.optimizers.SGD(0.0))
    batches = training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)
    batch = next(iter(batches))
    on_host = next(iter(batches.map(lambda batch: model.views(batch, seed=3))))
    assert "image" not in on_host
    on_device = model.train_step(batch)
    assert float(model.train_step(on_host)["loss"]) == pytest.approx(float(on_device["loss"]), rel=1e-5)


def test_evaluating_leaves_the_weights_alone(digits):
    model = make_model(keras.optimizers.SGD(0.1))
    before = weights(model)
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)))
    metrics = model.test_step(batch)
    assert np.isfinite(float(metrics["loss"]))
    for after, expected in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(after, expected)


def test_statistics_count_the_negatives_that_the_loss_counts(digits):
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)))
    # Where all similarities are alike, an anchor has as many effective negatives as there are: of three views or two.
    for aux_negatives, expected in ((True, 3 * (BATCH - 1)), (False, 2 * (BATCH - 1))):
        metrics = make_model(keras.optimizers.SGD(), temperature=100.0, aux_negatives=aux_negatives).test_step(batch)
        assert float(metrics["effective_negatives"]) == pytest.approx(expected, rel=1e-4)


def test_training_tells_images_apart(digits):
    model = make_model(keras.optimizers.AdamW(1e-2), EncoderConfig(encoder="tiny", width=0.25))
    steps = fit(model, digits, 200)
    first = np.mean([step["contrastive_accuracy"] for step in steps[:20]])
    last = np.mean([step["contrastive_accuracy"] for step in steps[-20:]])
    assert last > first + 0.15
    assert np.mean([step["loss"] for step in steps[-20:]]) < np.mean([step["loss"] for step in steps[:20]]) - 0.5


def test_loss_scaling_changes_no_metric(digits):
    plain = make_model(keras.optimizers.SGD(0.05))
    scaled = make_model(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=1024.0))
    for expected, metrics in zip(fit(plain, digits, 2), fit(scaled, digits, 2), strict=True):
        for name, value in expected.items():
            assert metrics[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_a_step_whose_gradients_overflow_moves_no_weight_and_halves_the_scale(digits):
    scale = 2.0**126  # times a gradient of a few units, float32 overflows
    model = make_model(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=scale))
    before = [tf.convert_to_tensor(weight).numpy() for weight in model.encoder.trainable_variables]
    (first,) = fit(model, digits, 1)
    for weight, expected in zip(model.encoder.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert np.isfinite(first["loss"])
    assert not np.isfinite(first["gradient_norm"])
    (second,) = fit(model, digits, 1)
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-5)  # of the same batch and the same weights
    assert (first["loss_scale"], second["loss_scale"]) == (scale, scale / 2)


def test_a_weight_that_nothing_uses_stays_as_it_is(digits):
    class Spare(keras.Model):
        def __init__(self, encoder):
            super().__init__()
            self.encoder, self.spare = encoder, keras.layers.Dense(3)
            self.spare.build((None, 4))

        def call(self, images, training=False):
            return self.encoder(images, training=training)

    model = make_model(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=2.0))
    spared = AAG(Spare(model.encoder), model.projector, model.views, seed=3)
    spared.compile(model.optimizer, model.contrastive_loss, jit_compile=False)
    before = spared.encoder.spare.kernel.numpy()
    (metrics,) = fit(spared, digits, 1)
    assert np.isfinite(metrics["gradient_norm"])
    np.testing.assert_array_equal(spared.encoder.spare.kernel, before)


def test_an_overflow_on_one_of_two_replicas_is_one_on_both(tmp_path):
    process = Process(overflow_on_the_second_replica, tmp_path / "found.npz", log=tmp_path / "log.txt")
    codes, messages = finish([process])
    assert codes == [0], messages
    found = np.load(tmp_path / "found.npz")
    assert found["scales"].tolist() == [1024.0, 512.0]
    assert not np.isfinite(found["norms"][0])
    assert not found["moved"].any()


def test_the_model_embeds_images(digits):
    model = make_model(keras.optimizers.SGD(0.1))
    pixels = digits.numpy([0, 1])
    np.testing.assert_array_equal(model(pixels), model.encoder(pixels, training=False))
