"""A whole run on the digits: its files, its record, repeating it, stopping it and going on."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aag_tf import config as configs
from aag_tf import flags
from aag_tf.augment import LayersBranch
from aag_tf.callbacks import TAGS, Interruption
from aag_tf.config import (
    AugmentConfig,
    DataConfig,
    EncoderConfig,
    LossConfig,
    OptimizerConfig,
    ProjectorConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
)
from aag_tf.errors import ConfigError, RunDirectoryError, TrainingError
from aag_tf.trained import load_run, untrained_encoder
from aag_tf.training import plan_steps, train

STEPS = 12


def settings(run_dir, **run) -> TrainConfig:
    return TrainConfig(
        encoder=EncoderConfig(width=0.25),
        projector=ProjectorConfig(projector_width=16, projector_dim=8),
        schedule=ScheduleConfig(train_steps=STEPS, global_batch_size=128),
        run=RunConfig(run_dir=str(run_dir), log_every_steps=5, knn_every_epochs=1, **run),
    )


def records(run_dir):
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def weights(run_dir):
    return [weight.numpy() for weight in load_run(str(run_dir)).encoder.weights]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    result = train(settings(run_dir))
    assert result.complete
    assert result.step == STEPS
    return run_dir


def test_metrics_are_logged_every_so_many_steps_and_at_the_end(finished):
    logged = [record for record in records(finished) if "loss" in record]
    assert [record["step"] for record in logged] == [5, 10, 12]
    assert logged[-1]["epoch"] == pytest.approx(12 / 10)  # 1 294 training digits are ten batches of 128
    for record in logged:
        assert set(record) >= {"loss", "gradient_norm", "learning_rate", "images_per_second", "uniformity"}
        assert all(np.isfinite(value) for value in record.values())
    measured = [record for record in records(finished) if "knn_accuracy" in record]
    assert [record["step"] for record in measured] == [10, 12]
    assert all(0.5 < record["knn_accuracy"] <= 1.0 for record in measured)


def test_events_hold_every_figure_under_its_tag_the_views_and_the_flags(finished):
    events = EventAccumulator(str(finished / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    elsewhere = {TAGS[name] for name in ("loss_scale", "device_memory_gib", "device_memory_peak_gib")}
    assert tags >= set(TAGS.values()) - elsewhere  # float16 and GPUs only
    losses = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss/gnt_xent")}
    logged = {record["step"]: record["loss"] for record in records(finished) if "loss" in record}
    assert losses == pytest.approx(logged, rel=1e-6)
    width, height, picture = tf.make_ndarray(events.Tensors("views")[0].tensor_proto)[:3]
    decoded = tf.io.decode_png(picture)
    assert decoded.shape[:2] == (int(height), int(width))
    assert np.std(decoded) > 20
    assert b"--temperature=0.2" in tf.make_ndarray(events.Tensors("flags")[0].tensor_proto).item()


def test_the_flagfile_repeats_the_run(finished, tmp_path):
    config = flags.parse(
        ["aag-train", f"--flagfile={finished / 'flags.txt'}", f"--run_dir={tmp_path / 'again'}"], TrainConfig, usage=""
    )
    train(config)
    for first, again in zip(weights(finished), weights(tmp_path / "again"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_another_seed_is_another_run(finished, tmp_path):
    config = settings(tmp_path / "other")
    train(dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, seed=1)))
    assert any(
        not np.array_equal(first, other)
        for first, other in zip(weights(finished), weights(tmp_path / "other"), strict=True)
    )


class StopAtSeven(Interruption):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.model.stop_training = batch + 1 >= 7


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(finished, tmp_path, monkeypatch):
    run_dir = tmp_path / "stopped"
    monkeypatch.setattr("aag_tf.training.Interruption", StopAtSeven)
    result = train(settings(run_dir))
    assert (result.step, result.complete) == (7, False)
    assert load_run(str(run_dir)).step == 7
    monkeypatch.undo()

    resumed = train(settings(run_dir, resume=True))
    assert resumed.complete
    for first, again in zip(weights(finished), weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)
    steps = [record["step"] for record in records(run_dir) if "loss" in record]
    assert steps == sorted(set(steps))
    assert train(settings(run_dir, resume=True)).step == STEPS  # nothing is left to do


def test_a_learned_temperature_is_trained_kept_in_bounds_logged_and_gone_on_with(tmp_path, monkeypatch):
    def learning(name, **run):
        config = settings(tmp_path / name, **run)
        loss = LossConfig(learn_temperature=True, temperature_minimum=0.198, coupling=0.0)
        return dataclasses.replace(config, loss=loss, optimizer=OptimizerConfig(learning_rate=0.02))

    train(learning("whole"))
    logged = [record["temperature"] for record in records(tmp_path / "whole") if "temperature" in record]
    assert len(set(logged)) > 1
    assert min(logged) >= 0.198 - 1e-6
    assert abs(logged[-1] - 0.2) > 1e-4

    monkeypatch.setattr("aag_tf.training.Interruption", StopAtSeven)
    assert train(learning("parts")).step == 7
    monkeypatch.undo()
    train(learning("parts", resume=True))
    assert [record["temperature"] for record in records(tmp_path / "parts") if "temperature" in record][-1] == logged[
        -1
    ]
    for first, again in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_resume_refuses_other_mathematics_by_the_name_of_the_flag(finished):
    config = settings(finished, resume=True)
    with pytest.raises(RunDirectoryError, match=r"--temperature \(was 0.2, is 0.5\)"):
        train(dataclasses.replace(config, loss=LossConfig(temperature=0.5)))


def test_resume_refuses_other_images_and_follows_moved_ones(tmp_path):
    def save(name, seed, count=40):
        images = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)
        np.savez(tmp_path / name, images=images)

    def going_on(name, **run):
        return dataclasses.replace(
            settings(tmp_path / "run", **run),
            data=DataConfig(dataset=f"npz:{tmp_path / name}"),
            schedule=ScheduleConfig(train_steps=2, global_batch_size=8),
        )

    save("images.npz", 0)
    train(going_on("images.npz"))
    save("moved.npz", 0)
    assert train(going_on("moved.npz", resume=True)).complete
    save("other.npz", 1)
    with pytest.raises(RunDirectoryError, match=r"other\.npz has other ones; restore them"):
        train(going_on("other.npz", resume=True))
    save("images.npz", 0, count=50)  # somebody has added some
    with pytest.raises(RunDirectoryError, match=r"\d+ of shape \[8, 8, 1\]; .* has \d+ of shape"):
        train(going_on("images.npz", resume=True))


def test_an_existing_run_is_not_touched(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    with pytest.raises(RunDirectoryError, match=r"--resume .* --overwrite"):
        train(settings(finished))
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_settings_are_refused_before_the_run_directory_is_made(tmp_path):
    config = settings(tmp_path / "run")
    for bad, word in [
        (dataclasses.replace(config, schedule=ScheduleConfig(global_batch_size=5000)), "--global_batch_size=5000"),
        (dataclasses.replace(config, encoder=EncoderConfig("resnet18", stem="imagenet")), "--image_size=32"),
        (dataclasses.replace(config, schedule=ScheduleConfig(replicas=3, global_batch_size=63)), "--replicas=3"),
    ]:
        with pytest.raises(ConfigError, match=word):
            train(bad)
    assert not (tmp_path / "run").exists()


def test_a_users_own_layers_train_and_resume(tmp_path):
    own = LayersBranch([keras.layers.RandomRotation(0.1, seed=1)], seed=2)
    config = settings(tmp_path / "run")
    halfway = dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, train_steps=4))
    assert train(halfway, auxiliary=own).complete
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())["auxiliary"]
    assert recorded["class_name"] == "LayersBranch"
    again = dataclasses.replace(halfway, run=dataclasses.replace(halfway.run, resume=True))
    assert train(again, auxiliary=own).complete
    with pytest.raises(RunDirectoryError, match="auxiliary branch"):
        train(again)


def test_unlabelled_images_train_without_knn(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 10, 12, 3), np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    config = dataclasses.replace(
        settings(tmp_path / "run"),
        data=DataConfig(dataset=f"npz:{tmp_path / 'images.npz'}"),
        schedule=ScheduleConfig(train_steps=3, global_batch_size=8),
    )
    assert train(config).complete
    assert not any("knn_accuracy" in record for record in records(tmp_path / "run"))


@pytest.mark.parametrize(
    "options",
    [
        {"augment": AugmentConfig(aux="none", augment_on="host")},
        {"augment": AugmentConfig(aux="main", aux_views=2)},
        {"schedule": ScheduleConfig(train_steps=4, global_batch_size=64, precision="mixed_bfloat16")},
        {"schedule": ScheduleConfig(train_steps=4, global_batch_size=64, precision="mixed_float16")},
        {"schedule": ScheduleConfig(train_steps=4, global_batch_size=64, steps_per_execution=2)},
        {
            "schedule": ScheduleConfig(train_steps=4, global_batch_size=64, cpu_replicas=2),
            "loss": LossConfig(learn_temperature=True, coupling=1.0),
        },
        {"schedule": ScheduleConfig(train_steps=4, global_batch_size=64, jit_compile="on")},
        {
            "schedule": ScheduleConfig(
                train_steps=4, global_batch_size=64, accumulation_steps=2, precision="mixed_float16", jit_compile="on"
            )
        },
    ],
    ids=["two-views-on-host", "four-views", "bfloat16", "float16", "several-steps", "two-replicas", "xla", "micro"],
)
def test_ways_to_run(options, tmp_path):
    config = settings(tmp_path / "run")
    schedule = ScheduleConfig(train_steps=4, global_batch_size=64)
    try:
        assert train(dataclasses.replace(config, **{"schedule": schedule, **options})).complete
    finally:
        keras.config.set_dtype_policy("float32")
    last = records(tmp_path / "run")[-2]
    assert last["step"] == 4
    assert np.isfinite(last["loss"])


def test_several_steps_an_execution_change_nothing_but_the_rhythm(finished, tmp_path):
    config = settings(tmp_path / "run")
    config = dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, steps_per_execution=5))
    assert train(config).step == STEPS  # two executions of five, and one of two
    for first, again in zip(weights(finished), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(first, again, rtol=1e-4, atol=1e-5)  # another graph rounds otherwise
    expected = [record for record in records(finished) if "loss" in record]
    logged = [record for record in records(tmp_path / "run") if "loss" in record]
    assert [record["step"] for record in logged] == [5, 10, 12]
    assert [record["loss"] for record in logged] == pytest.approx([record["loss"] for record in expected], rel=1e-5)
    assert all(0.0 <= record["data_wait_share"] <= 1.0 for record in [*logged, *expected])


def test_an_untrained_encoder_is_the_one_that_training_started_from(tmp_path, monkeypatch):
    config = settings(tmp_path / "run")
    started_from = []

    class StopAtOnce(Interruption):
        def on_train_begin(self, logs=None):
            started_from.extend(tf.convert_to_tensor(weight).numpy() for weight in self.model.encoder.weights)

    monkeypatch.setattr("aag_tf.training.Interruption", StopAtOnce)
    train(config)
    untrained = untrained_encoder(config.encoder, (8, 8, 1), config.schedule.seed)
    for weight, expected in zip(untrained.weights, started_from, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected)


def test_steps_are_planned_from_epochs_or_given():
    assert plan_steps(ScheduleConfig(epochs=3, global_batch_size=10), 105) == (10, 30)
    assert plan_steps(ScheduleConfig(epochs=3, train_steps=7, global_batch_size=10), 105) == (10, 7)


def test_a_run_without_a_checkpoint_goes_on_from_step_0(finished, tmp_path):
    run_dir = tmp_path / "killed"
    shutil.copytree(finished, run_dir)
    shutil.rmtree(run_dir / "checkpoints")
    assert train(settings(run_dir, resume=True)).complete
    for first, again in zip(weights(finished), weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, again)
    assert [record["step"] for record in records(run_dir)] == [record["step"] for record in records(finished)]
    events = EventAccumulator(str(run_dir / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    assert [event.step for event in events.Tensors("loss/gnt_xent")] == [5, 10, 12]


def test_averaged_weights_are_judged_saved_and_gone_on_with(finished, tmp_path):
    run_dir = tmp_path / "average"
    config = dataclasses.replace(
        settings(run_dir, checkpoint_every_steps=5), optimizer=OptimizerConfig(ema_momentum=0.9)
    )
    train(config)
    averaged = weights(run_dir)
    losses = [[record["loss"] for record in records(path) if "loss" in record] for path in (run_dir, finished)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)  # the average changes nothing in what is trained
    distances = [np.abs(a - b).max() for a, b in zip(averaged, weights(finished), strict=True)]
    assert max(distances) > 1e-4  # it lags behind

    shutil.rmtree(run_dir / "checkpoints" / "step-12")
    again = dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))
    assert train(again).complete
    for first, second in zip(averaged, weights(run_dir), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_loss_that_is_nan_ends_the_run_and_keeps_its_checkpoint(tmp_path):
    config = dataclasses.replace(
        settings(tmp_path / "run", checkpoint_every_steps=1),
        optimizer=OptimizerConfig("sgd", learning_rate=1e25, warmup_fraction=0.5),
    )
    with pytest.raises(
        TrainingError, match=r"(at|after) step \d+; the last good checkpoint is .*--learning_rate=1e\+25"
    ):
        train(config)
    kept = load_run(str(tmp_path / "run"))
    assert all(np.isfinite(weight).all() for weight in kept.encoder.get_weights())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_with_a_usable_checkpoint(number, code, tmp_path):
    config = dataclasses.replace(
        settings(tmp_path / "run"), schedule=ScheduleConfig(train_steps=100_000, global_batch_size=128)
    )
    command = [sys.executable, "-m", "aag_tf.commands.train", *configs.flag_lines(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    for line in process.stderr:
        if line.startswith("step "):
            process.send_signal(number)
            break
    _, message = process.communicate(timeout=120)
    assert process.returncode == code
    assert "--resume" in message
    assert "Traceback" not in message
    run = load_run(str(tmp_path / "run"))
    assert run.step > 0
    assert str(run.step) in message
