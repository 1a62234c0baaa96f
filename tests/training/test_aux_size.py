"""Training with auxiliary views of a size of their own: loss, gradients, replicas, micro-batches, resume, refusals."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from processes import Process, finish
from source_pictures import config as source_config
from source_pictures import save_pictures
from train_steps import STEPS, Recorder, train_steps
from training_runs import ONE_BLOCK, metrics, schedule, settings, steps_logged, weights

from aag_tf.augment import build_views
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, OptimizerConfig, ProjectorConfig
from aag_tf.data import open_source, training_batches
from aag_tf.encoders import build_encoder, build_networks, encoder_of_views
from aag_tf.losses import GNTXent, gnt_xent
from aag_tf.training import plan
from aag_tf.training.model import AAG
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError, RunDirectoryError

BATCH = 16
SHAPE, SIZE = (16, 16, 1), (8, 8)
AUGMENT = AugmentConfig("main", aux_size=8, flip=False)  # quicker to trace than other auxiliary branches
LOSS = {"temperature": 0.2, "coupling": 0.5, "aux_weight": 0.7}


@pytest.fixture(scope="module")
def digits():
    return open_source(DataConfig(image_size=16)).train.images


def make_model(networks, accumulation_steps=1):
    encoder, projector = networks
    views = build_views(AUGMENT, SHAPE, jit_compile=False)
    small = encoder_of_views(encoder, EncoderConfig("own"), SIZE)
    model = AAG(encoder, projector, views, auxiliary_encoder=small, seed=3, accumulation_steps=accumulation_steps)
    # At rate 1 a step of plain SGD moves the weights by minus the gradient.
    model.compile(keras.optimizers.SGD(1.0), GNTXent(**LOSS), jit_compile=False)
    return model


def with_batch_norm():
    keras.utils.set_random_seed(3)
    return build_networks(EncoderConfig(ONE_BLOCK), ProjectorConfig(projector_width=16, projector_dim=8), SHAPE)


def without_batch_norm():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    body = [layers.Rescaling(1 / 255), layers.Conv2D(6, 3, activation="gelu"), layers.GroupNormalization(3)]
    encoder = keras.Sequential([keras.Input(SHAPE), *body, layers.GlobalAveragePooling2D()])
    return encoder, keras.Sequential([keras.Input((6,)), layers.Dense(8)])


def values(variables):
    return [tf.convert_to_tensor(variable).numpy() for variable in variables]


def step(model, images):
    """Returns metrics and gradients of the first step, through `fit`."""
    trainable = model.encoder.trainable_variables + model.projector.trainable_variables
    before, recorder = values(trainable), Recorder()
    batches = training_batches(images, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[recorder])
    return recorder.steps[0], [old - new for old, new in zip(before, values(trainable), strict=True)]


def assert_same_gradients(found, expected, tolerance=2e-5):
    norm = np.sqrt(sum(np.sum(value**2) for value in expected))
    assert norm > 0.1
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, atol=tolerance * norm)


def test_loss_and_gradients_are_those_of_two_encoders_and_one_projector(digits):
    encoder, projector = with_batch_norm()
    twin = build_encoder(EncoderConfig(ONE_BLOCK), (*SIZE, 1))  # another network, of the same weights
    twin.set_weights(encoder.get_weights())
    batch = next(iter(training_batches(digits, global_batch_size=BATCH, seed=3, start_step=0, num_steps=1)))
    main, small = make_model((encoder, projector)).draw_views(batch)
    with tf.GradientTape() as tape:
        large = encoder(tf.concat([main[:, 0], main[:, 1]], axis=0), training=True)
        little = twin(small[:, 0], training=True)
        projections = projector(tf.concat([large, little], axis=0), training=True)
        projections = tf.stack(tf.split(projections, 3), axis=1)
        loss = gnt_xent(projections, **LOSS)
    of_large, of_twin, of_projector = tape.gradient(
        loss, [encoder.trainable_variables, twin.trainable_variables, projector.trainable_variables]
    )
    expected = [one + other for one, other in zip(of_large, of_twin, strict=True)] + of_projector
    statistics = values(encoder.non_trainable_variables)

    model = make_model(with_batch_norm())
    found, gradients = step(model, digits)
    assert found["loss"] == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(gradients, [gradient.numpy() for gradient in expected])
    # The small views have moved none of them: those that are evaluated are of full size.
    for moved, other in zip(values(model.encoder.non_trainable_variables), statistics, strict=True):
        np.testing.assert_allclose(moved, other, rtol=1e-4, atol=1e-5)
    assert np.abs(statistics[0]).max() > 1e-3


def test_micro_batches_give_the_gradient_of_the_whole_batch(digits):
    whole, expected = step(make_model(without_batch_norm()), digits)
    found, gradients = step(make_model(without_batch_norm(), 4), digits)
    assert found["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert_same_gradients(gradients, expected)


def test_two_replicas_give_the_losses_and_gradients_of_one(tmp_path):
    outputs = [tmp_path / f"{replicas}.npz" for replicas in (1, 2)]
    processes = [
        Process(train_steps, replicas, 1, out, 8, log=out.with_suffix(".txt"))
        for replicas, out in zip((1, 2), outputs, strict=True)
    ]
    codes, messages = finish(processes)
    assert codes == [0, 0], messages
    one, two = (dict(np.load(out)) for out in outputs)
    assert len(set(one["loss"])) == STEPS
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-5)
    for name, expected in one.items():
        if name[len("gradient") :].isdigit():
            np.testing.assert_allclose(two[name], expected, atol=2e-5 * one["gradient_norm"][0], err_msg=name)


def run_settings(run_dir, augment_on="device", *, ema=0.0, **changes):
    return dataclasses.replace(
        settings(run_dir, log_every_steps=1, checkpoint_every_steps=3),
        data=DataConfig(image_size=16),
        augment=dataclasses.replace(AUGMENT, augment_on=augment_on),
        optimizer=OptimizerConfig(ema_momentum=ema),
        schedule=schedule(train_steps=5, global_batch_size=64, **changes),
    )


def trained_and_resumed(config, run_dir):
    """Trains, loses the last checkpoint, goes on, and returns the losses, which are the same as are the weights."""
    assert train(config).complete
    logged, whole = metrics(run_dir), weights(run_dir)
    shutil.rmtree(run_dir / "checkpoints" / f"step-{config.schedule.train_steps}")
    assert train(dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))).complete
    assert metrics(run_dir) == logged
    for first, again in zip(whole, weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)
    return [record["loss"] for record in steps_logged(run_dir)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "device"
    return run_dir, trained_and_resumed(run_settings(run_dir, ema=0.9), run_dir)


def test_a_run_with_averaged_weights_is_resumed_to_the_same_bits(finished):
    _, losses = finished
    assert len(set(losses)) == 5


def test_views_made_on_the_host_and_a_step_compiled_by_xla_give_the_same_losses(finished, tmp_path):
    train(run_settings(tmp_path / "run", "host", jit_compile="on"))
    found = [record["loss"] for record in steps_logged(tmp_path / "run")]
    assert found == pytest.approx(finished[1], rel=1e-3)


def test_a_run_on_crops_that_become_views_on_the_host_is_resumed_to_the_same_bits(tmp_path):
    save_pictures(tmp_path / "pictures")
    config = source_config(tmp_path / "pictures", tmp_path / "run", log_every_steps=1, checkpoint_every_steps=4)
    augment = AugmentConfig("main", aux_views=2, aux_size=8, augment_on="host", crop_from="source")
    trained_and_resumed(dataclasses.replace(config, augment=augment), tmp_path / "run")


def test_resume_refuses_another_size(finished):
    run_dir, _ = finished
    config = dataclasses.replace(run_settings(run_dir, ema=0.9), run=settings(run_dir, resume=True).run)
    for size in (None, 9):
        with pytest.raises(RunDirectoryError, match=r"--aux_size \(was 8, is "):
            train(dataclasses.replace(config, augment=dataclasses.replace(AUGMENT, aux_size=size)))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (DataConfig(image_size=12), "--aux_size=14 is larger than the images, whose shorter side has 12 pixels"),
        (DataConfig(image_size=72), r"auxiliary views of 14x14 are too small for --encoder=one_block, .*--aux_size=32"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_anything_is_written(data, sentence, tmp_path):
    config = dataclasses.replace(settings(tmp_path / "run"), data=data, augment=AugmentConfig(aux_size=14))
    with pytest.raises(ConfigError, match=sentence):
        train(config)
    assert not (tmp_path / "run").exists()


def test_the_summary_says_how_many_views_have_which_size(tmp_path):
    steps = plan(run_settings(tmp_path / "run")).lines["steps"]
    assert steps.endswith("3 views of each (--aux_views), 1 of them of 8x8 (--aux_size)")
