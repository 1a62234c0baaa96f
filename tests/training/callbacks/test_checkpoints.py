"""Checkpoints: when they are written, what they refuse, and signals that ask for a last one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import OptimizerConfig, TrainConfig
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.training.callbacks import Checkpoints, StepRange, TerminateOnNaN
from aag_tf.utils.errors import TrainingError


@pytest.fixture
def networks():
    encoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    projector = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(encoder.trainable_variables + projector.trainable_variables)
    return encoder, projector, optimizer


def take_step(networks):
    encoder, projector, optimizer = networks
    variables = encoder.trainable_variables + projector.trainable_variables
    optimizer.apply([tf.ones_like(variable) for variable in variables], variables)


def state_of(networks):
    encoder, projector, optimizer = networks
    return RunState(encoder=encoder, projector=projector, optimizer=optimizer)


def checkpoints(directory, networks, *, start_step=0, every=2, keep=2, check=lambda step: None, **more):
    step_range = StepRange(start_step, total_steps=100, steps_per_epoch=10)
    store, state = CheckpointStore(directory), state_of(networks)
    return Checkpoints(store, state, step_range, every=every, keep=keep, check=check, **more)


def values(networks):
    return [tf.convert_to_tensor(variable).numpy() for variable in networks[0].weights + networks[2].variables]


def test_checkpoints_are_numbered_by_step_kept_in_number_and_restored_whole(tmp_path, networks):
    store = CheckpointStore(tmp_path)
    assert state_of(networks).restore(store) == 0
    callback = checkpoints(tmp_path, networks)
    for batch in range(7):
        take_step(networks)
        callback.on_train_batch_end(batch)
    callback.on_train_end()
    assert [checkpoint.step for checkpoint in store.all()] == [6, 7]
    expected = values(networks)
    take_step(networks)
    assert state_of(networks).restore(store) == 7
    for value, before in zip(values(networks), expected, strict=True):
        np.testing.assert_array_equal(value, before)


def test_the_position_is_that_of_the_run_and_not_of_the_optimizer(tmp_path, networks):
    callback = checkpoints(tmp_path, networks, start_step=40)
    callback.on_train_batch_end(4)  # no step taken, as when float16 overflows
    callback.on_train_end()
    assert [checkpoint.step for checkpoint in callback.store.all()] == [45]


@pytest.mark.parametrize(("stride", "kept"), [(1, 5), (2, 4), (3, 3)])
def test_the_last_one_before_the_learning_rate_falls_stays(tmp_path, networks, stride, kept):
    callback = checkpoints(tmp_path, networks, every=50, keep=1, constant_until=5, stride=stride)
    for batch in range(stride - 1, 12, stride):
        callback.on_train_batch_end(batch)
    callback.on_train_end()
    assert [checkpoint.step for checkpoint in callback.store.all()] == [kept, 12]


def test_the_best_knn_accuracy_is_saved_where_it_was_measured_and_kept(tmp_path, networks):
    callback = checkpoints(tmp_path, networks, every=4, keep=1)
    accuracies = {1: 0.5, 3: 0.75, 6: 0.25}
    for batch in range(8):
        if batch + 1 in accuracies:
            callback.write({"step": batch + 1, "knn_accuracy": accuracies[batch + 1]})
        callback.on_train_batch_end(batch)
    assert [checkpoint.step for checkpoint in callback.store.all()] == [3, 8]
    assert callback.store.best_accuracy() == 0.75
    again = checkpoints(tmp_path, networks, start_step=8, every=4, keep=1)
    again.write({"step": 9, "knn_accuracy": 0.5})  # less than before the interruption
    again.on_train_batch_end(0)
    assert [checkpoint.step for checkpoint in again.store.all()] == [3, 8]


def terminate_on_nan(tmp_path, networks, **config):
    return TerminateOnNaN(StepRange(20, 100, 10), CheckpointStore(tmp_path), state_of(networks), TrainConfig(**config))


@pytest.mark.parametrize(("loss", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_a_loss_that_is_not_finite_ends_the_run_with_step_checkpoint_and_causes(tmp_path, networks, loss, word):
    checkpoints(tmp_path, networks, start_step=20).on_train_batch_end(3)
    guard = terminate_on_nan(tmp_path, networks, optimizer=OptimizerConfig(learning_rate=30.0, warmup_fraction=0.0))
    guard.on_train_batch_end(3, {"loss": 2.0})
    with pytest.raises(TrainingError) as end:
        guard.on_train_batch_end(4, {"loss": loss})
    message = str(end.value)
    assert f"the loss is {word} at step 25; the last good checkpoint is {tmp_path / 'step-24'}." in message
    assert "--learning_rate=30" in message
    assert "--warmup_fraction=0" in message
    assert "\n" not in message


@pytest.mark.parametrize("part", [0, 2], ids=["weight", "moment"])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, networks, part):
    guard = terminate_on_nan(tmp_path, networks)
    callback = checkpoints(tmp_path, networks, check=guard.check_state)
    callback.on_train_batch_end(1)
    variable = networks[part].variables[-1]
    variable.assign(np.full(variable.shape, np.inf))
    with pytest.raises(TrainingError, match=r"weights are NaN or infinite after step 4; .*step-2"):
        callback.on_train_batch_end(3)
    assert [checkpoint.step for checkpoint in callback.store.all()] == [2]
