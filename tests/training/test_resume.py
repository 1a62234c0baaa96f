"""A run that is stopped and resumed ends with the same weights and records, or the resume is refused."""

import dataclasses
import json
import shutil
import signal

import keras
import numpy as np
import pytest
from processes import Process, aag_train, finish
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import (
    STEPS,
    StopAfter,
    metrics,
    records,
    schedule,
    settings,
    steps_logged,
    train_elsewhere,
    weights,
)

from aag_tf import config as configs
from aag_tf.augment import LayersBranch
from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, LossConfig, OptimizerConfig
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError, RunDirectoryError, TrainingError

TWO_VIEWS = AugmentConfig(aux="none")  # quicker to trace, where no other run is compared with


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Directory of a run that was stopped after step 7, between two checkpoints and two records."""
    run_dir = tmp_path_factory.mktemp("runs") / "stopped"
    result = train(settings(run_dir, knn_every_epochs=1), callbacks=[StopAfter(7)])
    assert (result.step, result.complete) == (7, False)
    assert load_run(run_dir).step == 7
    return run_dir


@pytest.fixture
def stopped_copy(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "stopped")


def test_a_run_that_was_stopped_goes_on_to_the_same_weights_and_records(finished, stopped_copy):
    assert train(settings(stopped_copy, knn_every_epochs=1, resume=True)).complete
    for first, again in zip(weights(finished), weights(stopped_copy), strict=True):
        np.testing.assert_array_equal(first, again)
    assert metrics(stopped_copy) == metrics(finished)
    assert train(settings(stopped_copy, resume=True)).step == STEPS  # nothing is left to do


class ScalesUpEveryTwoSteps(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.optimizer.dynamic_growth_steps = 2  # of the loss scale in float16, 2 000 by default


def few(**changes):
    return {"schedule": schedule(train_steps=9, global_batch_size=64, **changes)}


@pytest.mark.parametrize(
    ("options", "scales"),
    [
        (
            {"optimizer": OptimizerConfig("lars", learning_rate=1.0), "augment": TWO_VIEWS}
            | few(precision="mixed_float16"),
            3,
        ),
        ({"augment": dataclasses.replace(TWO_VIEWS, augment_on="host")} | few(steps_per_execution=2), 0),
    ],
    ids=["float16-and-lars", "host-and-two-steps-an-execution"],
)
def test_a_run_in_another_mode_goes_on_to_the_same_weights_and_records(options, scales, tmp_path):
    run_dir = tmp_path / "run"
    config = dataclasses.replace(settings(run_dir, log_every_steps=1, checkpoint_every_steps=5), **options)
    train(config, callbacks=[ScalesUpEveryTwoSteps()])
    logged, whole = metrics(run_dir), weights(run_dir)
    assert len({record["loss_scale"] for record in logged[:5] if "loss_scale" in record}) == scales
    shutil.rmtree(run_dir / "checkpoints" / "step-9")

    resumed = dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))
    assert train(resumed, callbacks=[ScalesUpEveryTwoSteps()]).complete
    assert metrics(run_dir) == logged
    for first, again in zip(whole, weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)


def test_dropout_goes_on_with_the_numbers_that_it_would_have_drawn(tmp_path):
    def encoder():
        body = [keras.layers.Rescaling(1 / 16), keras.layers.Conv2D(6, 3), keras.layers.GlobalAveragePooling2D()]
        return keras.Sequential([keras.Input((8, 8, 1)), *body, keras.layers.Dropout(0.5, seed=3)])

    config = dataclasses.replace(settings(tmp_path / "run", checkpoint_every_steps=7), augment=TWO_VIEWS)
    model = encoder()
    train(config, encoder=model)
    whole = weights(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / f"step-{STEPS}")
    train(dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True)), encoder=model)
    for first, again in zip(whole, weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_a_run_goes_on_with_another_number_of_replicas(finished, stopped_copy, tmp_path):
    config = dataclasses.replace(settings(stopped_copy, resume=True), schedule=schedule(cpu_replicas=2))
    # In a process of its own, since collectives of two sizes of batches disturb each other in one.
    codes, messages = finish([Process(train_elsewhere, config, log=tmp_path / "log.txt")])
    assert codes == [0], messages
    whole, resumed = (steps_logged(path)[-1] for path in (finished, stopped_copy))
    assert (resumed["step"], resumed["loss"]) == (STEPS, pytest.approx(whole["loss"], rel=1e-3))


def test_a_run_without_a_checkpoint_goes_on_from_step_0(finished, tmp_path):
    run_dir = tmp_path / "killed"
    shutil.copytree(finished, run_dir)
    shutil.rmtree(run_dir / "checkpoints")
    assert train(settings(run_dir, resume=True)).complete
    for first, again in zip(weights(finished), weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)
    assert metrics(run_dir) == [record for record in metrics(finished) if "loss" in record]
    events = EventAccumulator(str(run_dir), size_guidance={"tensors": 0})
    events.Reload()
    assert [event.step for event in events.Tensors("loss/gnt_xent")] == [5, 10, 12]


def test_a_learned_temperature_moves_within_its_bounds_is_logged_and_resumed(tmp_path):
    run_dir = tmp_path / "run"

    def learning(**run):
        config = settings(run_dir, checkpoint_every_steps=5, **run)
        loss = LossConfig(temperature=0.2, learn_temperature=True, temperature_minimum=0.198, coupling=0.0)
        return dataclasses.replace(config, loss=loss, augment=TWO_VIEWS, optimizer=OptimizerConfig(learning_rate=0.02))

    def temperatures():
        return [record["temperature"] for record in records(run_dir) if "temperature" in record]

    train(learning())
    logged, whole = temperatures(), weights(run_dir)
    assert len(set(logged)) > 1
    assert min(logged) >= 0.198 - 1e-6
    assert abs(logged[-1] - 0.2) > 1e-4

    shutil.rmtree(run_dir / "checkpoints" / "step-12")
    assert train(learning(resume=True)).complete
    assert temperatures() == logged
    for first, again in zip(whole, weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)


def test_averaged_weights_are_saved_resumed_and_change_nothing_in_training(finished, tmp_path):
    run_dir = tmp_path / "average"
    config = dataclasses.replace(
        settings(run_dir, checkpoint_every_steps=5), optimizer=OptimizerConfig(ema_momentum=0.9)
    )
    train(config)
    averaged = weights(run_dir)
    losses = [[record["loss"] for record in steps_logged(path)] for path in (run_dir, finished)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    distances = [np.abs(a - b).max() for a, b in zip(averaged, weights(finished), strict=True)]
    assert max(distances) > 1e-4  # it lags behind

    shutil.rmtree(run_dir / "checkpoints" / "step-12")
    again = dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))
    assert train(again).complete
    for first, second in zip(averaged, weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, second)


def test_resume_refuses_another_training_setting_by_the_name_of_its_flag(finished):
    config = settings(finished, resume=True)
    with pytest.raises(RunDirectoryError, match=r"--temperature \(was 0.17, is 0.5\)"):
        train(dataclasses.replace(config, loss=LossConfig(temperature=0.5)))


def test_resume_refuses_other_images_but_accepts_moved_ones_and_those_of_another_decoder(tmp_path, caplog):
    def save(name, seed, count=40, lighter=0):
        images = np.random.default_rng(seed).integers(0, 250, (count, 8, 8, 1), np.uint8)
        images[:5] += np.uint8(lighter)
        np.savez(tmp_path / name, images=images)

    def going_on(name, **run):
        return dataclasses.replace(
            settings(tmp_path / "run", **run),
            data=DataConfig(dataset=f"npz:{tmp_path / name}"),
            augment=TWO_VIEWS,
            schedule=schedule(train_steps=2, global_batch_size=8),
        )

    save("images.npz", 0)
    train(going_on("images.npz"))
    save("moved.npz", 0)
    assert train(going_on("moved.npz", resume=True)).complete
    assert "other pixels" not in caplog.text
    save("images.npz", 0, lighter=1)
    assert train(going_on("images.npz", resume=True)).complete
    assert "have other pixels than when the run began; going on with them" in caplog.text
    save("other.npz", 1)
    with pytest.raises(RunDirectoryError, match=r"other\.npz has other ones; restore them"):
        train(going_on("other.npz", resume=True))
    save("images.npz", 1)
    with pytest.raises(RunDirectoryError, match=r"images\.npz has other ones; restore them"):
        train(going_on("images.npz", resume=True))
    save("images.npz", 0, count=50)  # somebody has added some
    with pytest.raises(RunDirectoryError, match=r"\d+ of shape \[8, 8, 1\]; .* has \d+ of shape"):
        train(going_on("images.npz", resume=True))


def test_a_users_own_layers_train_and_resume(tmp_path):
    def own():
        return LayersBranch([keras.layers.RandomRotation(0.1, seed=1)], seed=2)

    halfway = dataclasses.replace(settings(tmp_path / "run"), schedule=schedule(train_steps=4))
    assert train(halfway, auxiliary=own()).complete
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())["auxiliary"]
    assert recorded["class_name"] == "LayersBranch"
    again = dataclasses.replace(halfway, run=dataclasses.replace(halfway.run, resume=True))
    assert train(again, auxiliary=own()).complete
    with pytest.raises(RunDirectoryError, match="auxiliary branch"):
        train(again)
    repeated = dataclasses.replace(load_run(tmp_path / "run").record.config, run=settings(tmp_path / "new").run)
    with pytest.raises(ConfigError, match="--aux=own is what a run records"):
        train(repeated)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("every", "message", "kept"),
    [
        (1, r"weights are NaN or infinite after step 2; the last good checkpoint is .*step-1\.", [1]),
        (5, r"the loss is NaN at step 3; there is no checkpoint yet\.", []),
    ],
    ids=["weights", "loss"],
)
def test_weights_or_a_loss_that_are_nan_end_the_run_and_reach_no_checkpoint(every, message, kept, tmp_path):
    config = dataclasses.replace(
        settings(tmp_path / "run", checkpoint_every_steps=every),
        augment=TWO_VIEWS,
        # A rate of zero at the first step, and at the second one that takes weights beyond float32.
        optimizer=OptimizerConfig("sgd", learning_rate=3e38, warmup_fraction=0.1),
        loss=LossConfig(temperature=0.01),
    )
    with pytest.raises(TrainingError, match=rf"{message} .*--learning_rate=3e\+38"):
        train(config)
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    assert [checkpoint.step for checkpoint in store.all()] == kept


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_command_with_a_usable_checkpoint(number, code, tmp_path):
    config = dataclasses.replace(
        settings(tmp_path / "run"),
        augment=TWO_VIEWS,
        encoder=EncoderConfig(width=0.125),
        schedule=schedule(train_steps=100_000),
    )
    process = Process(aag_train, *configs.flag_lines(config), log=tmp_path / "messages.txt")
    process.wait_for(lambda: "\nstep " in f"\n{process.messages}")
    process.send(number)
    assert process.finish() == code
    assert "--resume" in process.messages
    assert "Traceback" not in process.messages
    run = load_run(str(tmp_path / "run"))
    assert run.step > 0
    assert f"stopped at step {run.step} of 100000" in process.messages
