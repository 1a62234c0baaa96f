"""Micro-batches give the gradient of the whole batch, or with batch norm a known other one."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from train_steps import Recorder
from training_runs import ONE_BLOCK

from aag_tf.augment import LayersBranch, build_views
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, ProjectorConfig, ScheduleConfig, TrainConfig
from aag_tf.data import open_source, training_batches
from aag_tf.encoders import build_networks
from aag_tf.losses import GNTXent, LearnedTemperature, gnt_xent
from aag_tf.training.accumulation import micro_batch
from aag_tf.training.model import AAG
from aag_tf.training.model_building import build_model
from aag_tf.utils.errors import ConfigError

BATCH = 16
IMAGE_SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def digits():
    return open_source(DataConfig()).train.images


def without_batch_norm(*extra):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    stem = [keras.Input(IMAGE_SHAPE), layers.Rescaling(1 / 255), layers.Conv2D(6, 3, strides=2, activation="gelu")]
    encoder = keras.Sequential([*stem, layers.GroupNormalization(3), *extra, layers.Flatten()])
    return encoder, keras.Sequential([keras.Input((encoder.output_shape[-1],)), layers.Dense(8)])


def with_batch_norm():
    keras.utils.set_random_seed(3)
    return build_networks(EncoderConfig(ONE_BLOCK), ProjectorConfig(projector_width=16, projector_dim=8), IMAGE_SHAPE)


def make_model(networks, accumulation_steps, optimizer=None, temperature=0.2):
    views = build_views(AugmentConfig(flip=False), IMAGE_SHAPE, jit_compile=False)
    model = AAG(*networks, views, seed=3, accumulation_steps=accumulation_steps)
    # At rate 1 a step of plain SGD moves the weights by minus the gradient.
    loss = GNTXent(temperature=temperature, coupling=0.5, aux_weight=0.7)
    model.compile(optimizer or keras.optimizers.SGD(1.0), loss, jit_compile=False)
    return model


def values(variables):
    return [tf.convert_to_tensor(variable).numpy() for variable in variables]


def step(model, images, steps=1):
    """Returns metrics, gradients and moving statistics after the first steps, through `fit`."""
    trainable = model.encoder.trainable_variables + model.projector.trainable_variables
    before, recorder = values(trainable), Recorder()
    batches = training_batches(images, global_batch_size=BATCH, seed=3, start_step=0, num_steps=steps)
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])
    gradients = [old - new for old, new in zip(before, values(trainable), strict=True)]
    return recorder.steps[-1], gradients, values(model.encoder.non_trainable_variables)


def assert_same_gradients(found, expected, tolerance=1e-5):
    norm = np.sqrt(sum(np.sum(value**2) for value in expected))
    assert norm > 0.1
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, atol=tolerance * norm)


@pytest.fixture(scope="module")
def whole_batch(digits):
    """Metrics and gradients of a step without micro-batches."""
    return step(make_model(without_batch_norm(), 1), digits)[:2]


def test_without_batch_norm_the_gradient_is_that_of_the_whole_batch(digits, whole_batch):
    whole, expected = whole_batch
    metrics, gradients, _ = step(make_model(without_batch_norm(), 8), digits)
    assert_same_gradients(gradients, expected)
    for name in ("loss", "gradient_norm", "contrastive_accuracy", "uniformity"):
        assert metrics[name] == pytest.approx(whole[name], rel=1e-5), name


def test_with_batch_norm_the_gradient_is_that_of_projections_normalized_within_micro_batches(digits):
    count = 4
    metrics, gradients, statistics = step(make_model(with_batch_norm(), count), digits)

    reference = make_model(with_batch_norm(), 1)
    variables = reference.encoder.trainable_variables + reference.projector.trainable_variables
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)))
    with tf.GradientTape() as tape:
        parts = [reference.project_batch(micro_batch(batch, index, count)) for index in range(count)]
        projections = tf.reshape(tf.stack(parts, axis=1), [BATCH, *parts[0].shape[1:]])
        loss = gnt_xent(projections, temperature=0.2, coupling=0.5, aux_weight=0.7)
    assert metrics["loss"] == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(gradients, [gradient.numpy() for gradient in tape.gradient(loss, variables)], 5e-5)
    # The reference saw each micro-batch once, and so the moving statistics were moved once by each.
    for found, expected in zip(statistics, values(reference.encoder.non_trainable_variables), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_micro_batch_takes_rows_at_a_fixed_distance():
    batch = {"row": tf.range(6), "image": tf.reshape(tf.range(12), [6, 2])}
    part = micro_batch(batch, 1, 3)
    assert part["row"].numpy().tolist() == [1, 4]
    assert part["image"].numpy().tolist() == [[2, 3], [8, 9]]


def test_loss_scaling_and_accumulation_go_together(digits, whole_batch):
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=1024.0)
    whole, expected = whole_batch
    metrics, gradients, _ = step(make_model(without_batch_norm(), 4, scaled), digits)
    assert_same_gradients(gradients, expected)
    assert metrics["gradient_norm"] == pytest.approx(whole["gradient_norm"], rel=1e-4)


def test_a_network_that_draws_its_own_random_numbers_is_refused():
    networks = without_batch_norm(keras.layers.Dropout(0.5, name="drop_half"))
    make_model(networks, 1)
    encoder, projector = without_batch_norm()
    drawing = keras.Sequential([*projector.layers, keras.layers.Dropout(0.5, name="drop_half")])
    for refused in (networks, (encoder, drawing)):
        with pytest.raises(ConfigError, match=r"--accumulation_steps .* drop_half"):
            make_model(refused, 2)


class Noise(keras.layers.Layer):
    """Draws from TensorFlow's own state, as keras-cv's layers do."""

    def call(self, images):
        return images + tf.random.uniform(tf.shape(images))


@pytest.mark.parametrize("augment_on", ["device", "host"])
@pytest.mark.parametrize("repeats", [True, False])
def test_an_auxiliary_branch_that_cannot_repeat_its_views_is_refused(repeats, augment_on):
    config = TrainConfig(
        augment=AugmentConfig(augment_on=augment_on),
        encoder=EncoderConfig(ONE_BLOCK),
        schedule=ScheduleConfig(global_batch_size=8, accumulation_steps=2),
    )
    layer = keras.layers.RandomBrightness(0.2) if repeats else Noise()
    refused = not repeats and augment_on == "device"
    outcome = pytest.raises(ConfigError, match="--augment_on=host") if refused else contextlib.nullcontext()
    with outcome:
        build_model(config, (8, 8, 1), total_steps=1, auxiliary=LayersBranch([layer]))


def test_a_learned_temperature_moves_alike_in_micro_batches(digits):
    learned = []
    for steps in (1, 4):
        model = make_model(without_batch_norm(), steps, temperature=LearnedTemperature(0.2))
        step(model, digits)
        learned.append(float(model.temperature.value()))
    assert learned[1] == pytest.approx(learned[0], rel=1e-4)
    assert abs(learned[0] - 0.2) > 1e-3
