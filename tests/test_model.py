"""The training step: the same mathematics over any number of replicas, and figures that mean what they say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import build_views
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, ProjectorConfig
from aag_tf.data import open_source, training_batches
from aag_tf.losses import GNTXent, gnt_xent
from aag_tf.model import AAG
from aag_tf.trained import build_networks

BATCH = 16
IMAGE_SHAPE = (8, 8, 1)
NETWORKS = (
    EncoderConfig(encoder="tiny", width=0.25),
    ProjectorConfig(projector_width=32, projector_dim=8),
    IMAGE_SHAPE,
)


@pytest.fixture(scope="module")
def digits():
    return open_source(DataConfig()).train.images


def make_model(optimizer, strategy=None, *, seed=3, **loss):
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        encoder, projector = build_networks(*NETWORKS)
        model = AAG(encoder, projector, build_views(AugmentConfig(flip=False), IMAGE_SHAPE), seed=seed)
        model.compile(optimizer(), GNTXent(**loss), jit_compile=False)
    return model


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append({name: float(value) for name, value in logs.items()})


def fit(model, images, steps, start_step=0):
    recorder = Recorder()
    batches = training_batches(images, global_batch_size=BATCH, seed=3, start_step=start_step, num_steps=steps)
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])
    return recorder.steps


def mirrored(replicas):
    return tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(replicas)])


def weights(model):
    return [tf.convert_to_tensor(weight).numpy() for weight in model.encoder.weights + model.projector.weights]


def gradient_of_first_step(replicas, images):
    """With plain SGD at rate 1 the first step moves the weights by minus the gradient."""
    model = make_model(lambda: keras.optimizers.SGD(1.0), mirrored(replicas))
    trainable = model.encoder.trainable_variables + model.projector.trainable_variables
    before = [tf.convert_to_tensor(weight).numpy() for weight in trainable]
    (figures,) = fit(model, images, 1)
    after = [tf.convert_to_tensor(weight).numpy() for weight in trainable]
    return [b - a for b, a in zip(before, after, strict=True)], figures


def test_replicas_change_neither_losses_nor_gradients(digits):
    one, figures = gradient_of_first_step(1, digits)
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in one))
    assert figures["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    losses = {
        replicas: [
            step["loss"]
            for step in fit(make_model(lambda: keras.optimizers.SGD(0.05), mirrored(replicas)), digits, 5)
        ]
        for replicas in (1, 2, 4)
    }
    assert losses[1][0] != losses[1][-1]
    for replicas in (2, 4):
        np.testing.assert_allclose(losses[replicas], losses[1], rtol=1e-5)
        several, several_figures = gradient_of_first_step(replicas, digits)
        for gradient, expected in zip(several, one, strict=True):
            np.testing.assert_allclose(gradient, expected, atol=2e-5 * norm)
        for name, value in figures.items():
            assert several_figures[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_every_step_gets_its_own_batch(digits):
    seen = []

    class Spy(AAG):
        def train_step(self, batch):
            tf.py_function(lambda step: seen.append(int(step)), [batch["step"][0]], [])
            return super().train_step(batch)

    with mirrored(1).scope():
        encoder, projector = build_networks(*NETWORKS)
        model = Spy(encoder, projector, build_views(AugmentConfig(), IMAGE_SHAPE))
        model.compile(keras.optimizers.SGD(0.1), GNTXent(), jit_compile=False)
    fit(model, digits, 4, start_step=7)
    # Keras can take, and drop, a batch to look at its shape: no step may be missing here.
    assert seen == [7, 8, 9, 10]
    assert int(tf.convert_to_tensor(model.optimizer.iterations)) == 4


def test_the_loss_reported_is_that_of_the_projections_of_the_views(digits):
    model = make_model(lambda: keras.optimizers.SGD(0.0), temperature=0.3, coupling=0.5, aux_weight=0.7)
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=2, num_steps=1)))
    views = model.draw_views(batch)
    assert views.shape == (BATCH, 3, *IMAGE_SHAPE)
    expected = gnt_xent(model.project(views, training=True), temperature=0.3, coupling=0.5, aux_weight=0.7)
    assert float(model.train_step(batch)["loss"]) == pytest.approx(float(expected), rel=1e-6)


def test_views_of_an_image_stand_beside_each_other(digits):
    model = make_model(lambda: keras.optimizers.SGD(0.0))
    views = tf.random.stateless_uniform([4, 3, *IMAGE_SHAPE], [1, 2], maxval=255.0)
    projections = model.project(views, training=False)
    one = model.projector(model.encoder(views[2, 1][tf.newaxis], training=False), training=False)
    np.testing.assert_allclose(projections[2, 1], one[0], rtol=1e-4, atol=1e-5)


def test_views_drawn_on_the_host_are_taken_as_they_are(digits):
    model = make_model(lambda: keras.optimizers.SGD(0.0))
    batches = training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)
    batch = next(iter(batches))
    on_host = next(iter(batches.map(lambda batch: model.views(batch, seed=3))))
    assert "image" not in on_host
    on_device = model.train_step(batch)
    assert float(model.train_step(on_host)["loss"]) == pytest.approx(float(on_device["loss"]), rel=1e-5)


def test_evaluating_leaves_the_weights_alone(digits):
    model = make_model(lambda: keras.optimizers.SGD(0.1))
    before = weights(model)
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)))
    figures = model.test_step(batch)
    assert np.isfinite(float(figures["loss"]))
    for after, expected in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(after, expected)


def test_training_tells_images_apart(digits):
    model = make_model(lambda: keras.optimizers.AdamW(2e-3))
    steps = fit(model, digits, 120)
    first = np.mean([step["contrastive_accuracy"] for step in steps[:10]])
    last = np.mean([step["contrastive_accuracy"] for step in steps[-10:]])
    assert last > first + 0.15
    assert np.mean([step["loss"] for step in steps[-10:]]) < np.mean([step["loss"] for step in steps[:10]]) - 0.5


def test_loss_scaling_changes_no_figure(digits):
    plain = make_model(lambda: keras.optimizers.SGD(0.05))
    scaled = make_model(lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=1024.0))
    for expected, figures in zip(fit(plain, digits, 2), fit(scaled, digits, 2), strict=True):
        for name, value in expected.items():
            assert figures[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_the_model_embeds_images(digits):
    model = make_model(lambda: keras.optimizers.SGD(0.1))
    pixels = digits.numpy([0, 1])
    np.testing.assert_array_equal(model(pixels), model.encoder(pixels, training=False))
