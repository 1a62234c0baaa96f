"""The files that a run on the digits leaves, and that it can be repeated from them."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import records, schedule, settings, steps_logged, weights

from aag_tf import flags
from aag_tf.config import DataConfig, EncoderConfig, LossConfig, ScheduleConfig, TrainConfig
from aag_tf.encoders import untrained_encoder
from aag_tf.training.callbacks import FIRST_TAGS, TAGS
from aag_tf.training.step_range import plan_steps
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError, RunDirectoryError


def test_metrics_are_logged_every_so_many_steps_and_at_the_end(finished):
    logged = steps_logged(finished)
    assert [record["step"] for record in logged] == [5, 10, 12]
    assert logged[-1]["epoch"] == pytest.approx(12 / 10)  # 1 294 training digits are ten batches of 128
    for record in logged:
        assert set(record) >= {"loss", "gradient_norm", "learning_rate", "images_per_second", "uniformity"}
        assert all(np.isfinite(value) for value in record.values())
    measured = [record for record in records(finished) if "knn_accuracy" in record]
    assert [record["step"] for record in measured] == [10, 12]
    assert all(0.5 < record["knn_accuracy"] <= 1.0 for record in measured)


def test_a_run_without_labels_is_monitored_on_images_that_have_them_and_learns_the_same(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (300, 10, 12, 3), np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    plain = settings(tmp_path / "plain", knn_every_epochs=1, projector_images=500)
    data = DataConfig(dataset=f"npz:{tmp_path / 'images.npz'}")
    plain = dataclasses.replace(plain, data=data, schedule=schedule(train_steps=5))
    run = dataclasses.replace(plain.run, run_dir=str(tmp_path / "watched"), monitor_dataset="digits")
    assert train(plain).complete
    train(dataclasses.replace(plain, run=run))
    assert not any("knn_accuracy" in record for record in records(tmp_path / "plain"))
    measured = [record for record in records(tmp_path / "watched") if "knn_accuracy" in record]
    assert [record["step"] for record in measured] == [2, 4, 5]  # two steps an epoch, and the last one
    assert all(record["knn_accuracy"] > 0.5 for record in measured)
    for first, other in zip(weights(tmp_path / "plain"), weights(tmp_path / "watched"), strict=True):
        np.testing.assert_array_equal(first, other)
    (labels,) = (tmp_path / "watched").rglob("labels.tsv")
    assert set(labels.read_text().split()) == set("0123456789")


def test_a_writer_given_to_train_receives_every_record(other_seed):
    run_dir, kept = other_seed
    assert [dict(record) for record in kept] == records(run_dir)


def test_events_hold_every_metric_under_its_tag_the_views_the_flags_the_weights_and_a_profile(finished):
    events = EventAccumulator(str(finished), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    # Only with float16, on GPUs, and in the training of classifiers.
    elsewhere = {TAGS[name] for name in ("loss_scale", "device_memory_gib", "device_memory_peak_gib")}
    elsewhere |= {tag for tag in TAGS.values() if tag.startswith("finetuning/")}
    assert tags >= set(TAGS.values()) - elsewhere
    assert (
        min(tag for tag in tags if not tag.startswith("_hparams_/")) == FIRST_TAGS["loss"]
    )  # what TensorBoard opens on
    losses = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss/gnt_xent")}
    logged = {record["step"]: record["loss"] for record in steps_logged(finished)}
    assert losses == pytest.approx(logged, rel=1e-6)
    width, height, picture = tf.make_ndarray(events.Tensors("views")[0].tensor_proto)[:3]
    decoded = tf.io.decode_png(picture)
    assert decoded.shape[:2] == (int(height), int(width))
    assert np.std(decoded) > 20
    assert b"--temperature=0.17" in tf.make_ndarray(events.Tensors("flags")[0].tensor_proto).item()
    drawn = {tag.split("/")[1] for tag in tags if tag.startswith("weights/")}
    assert drawn == {"encoder", "projector"}
    assert list(finished.rglob("*.xplane.pb"))


def test_the_flagfile_repeats_the_run(finished, tmp_path):
    less_to_draw = ["--knn_every_epochs=0", "--projector_images=0", "--nohistograms"]
    command = ["aag-train", f"--flagfile={finished / 'flags.txt'}", f"--run_dir={tmp_path / 'again'}", *less_to_draw]
    train(flags.parse(command, TrainConfig, usage=""))
    for first, again in zip(weights(finished), weights(tmp_path / "again"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_another_seed_gives_other_weights(finished, other_seed):
    for first, other in zip(weights(finished), weights(other_seed[0]), strict=True):
        assert not np.array_equal(first, other)


def test_the_untrained_encoder_is_the_one_that_training_starts_from(tmp_path):
    config = settings(tmp_path / "run")
    started_from = []

    class BegunError(Exception):
        """Ends the run before its first step."""

    class LookAtTheBeginning(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            started_from.extend(tf.convert_to_tensor(weight).numpy() for weight in self.model.encoder.weights)
            raise BegunError

    with pytest.raises(BegunError):
        train(config, callbacks=[LookAtTheBeginning()])
    untrained = untrained_encoder(config.encoder, (8, 8, 1), config.schedule.seed)
    for weight, expected in zip(untrained.weights, started_from, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_an_existing_run_is_not_touched(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    with pytest.raises(RunDirectoryError, match=r"--resume .* --overwrite"):
        train(settings(finished))
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_overwriting_leaves_nothing_of_the_old_run(finished, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(finished, run_dir)
    (run_dir / "evaluation.json").write_text("{}")
    config = settings(run_dir, overwrite=True)
    train(dataclasses.replace(config, loss=LossConfig(temperature=0.5), schedule=schedule(train_steps=4)))
    assert [path.name for path in (run_dir / "checkpoints").iterdir()] == ["step-4"]
    assert [record["step"] for record in records(run_dir)] == [4]
    assert "--temperature=0.5" in (run_dir / "flags.txt").read_text().splitlines()
    assert not (run_dir / "evaluation.json").exists()
    assert not list(run_dir.rglob("*.xplane.pb"))


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


def test_steps_are_planned_from_epochs_or_given():
    assert plan_steps(ScheduleConfig(epochs=3, global_batch_size=10), 105) == (10, 30)
    assert plan_steps(ScheduleConfig(epochs=3, train_steps=7, global_batch_size=10), 105) == (10, 7)
