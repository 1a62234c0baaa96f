"""Runs whose views are cut from the pictures themselves: resume, replicas, and files that are lost."""

import dataclasses
import logging
import shutil
import threading

import keras
import numpy as np
import pytest
from PIL import Image
from processes import Process, finish
from training_runs import StopAfter, metrics, records, settings, train_elsewhere, weights

from aag_tf.config import AugmentConfig, DataConfig, ScheduleConfig
from aag_tf.data import file_images
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError, DataError

STEPS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 pictures of two classes and many shapes, some of which Python decodes."""
    root = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for number in range(24):
        height, width = generator.integers(24, 80, 2)
        pixels = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        path = root / "ab"[number % 2] / f"{number:02}.{'png' if number % 5 == 0 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).resize((int(width), int(height)), Image.Resampling.BICUBIC).save(path, quality=95)
    return root


def config(folder, run_dir, *, steps=STEPS, replicas=None, crop_from="auto", data=None, **run):
    schedule = ScheduleConfig(
        train_steps=steps, global_batch_size=8, jit_compile="off", precision="float32", cpu_replicas=replicas
    )
    return dataclasses.replace(
        settings(run_dir, **run),
        data=data or DataConfig(f"folder:{folder}", image_size=16),
        augment=AugmentConfig(crop_from=crop_from),
        schedule=schedule,
    )


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    assert train(config(folder, run_dir, log_every_steps=1)).complete
    return run_dir


def test_larger_pictures_are_cut_and_the_run_says_so(finished):
    assert load_run(finished).record.config.augment.crop_from == "source"


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(folder, finished, tmp_path):
    train(config(folder, tmp_path / "run", log_every_steps=1), callbacks=[StopAfter(2)])
    assert train(config(folder, tmp_path / "run", resume=True, log_every_steps=1)).complete
    for first, again in zip(weights(finished), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(first, again)
    assert metrics(tmp_path / "run") == metrics(finished)


def test_two_replicas_see_the_same_views(folder, finished, tmp_path):
    # In a process of its own, since collectives of two sizes of batches disturb each other in one.
    two = config(folder, tmp_path / "run", replicas=2, log_every_steps=1)
    codes, messages = finish([Process(train_elsewhere, two, log=tmp_path / "log.txt")])
    assert codes == [0], messages
    for split, whole in zip(records(tmp_path / "run")[:2], records(finished)[:2], strict=True):
        np.testing.assert_allclose(split["loss"], whole["loss"], rtol=1e-4)
        np.testing.assert_allclose(split["gradient_norm"], whole["gradient_norm"], rtol=1e-3)


def test_it_differs_from_a_run_on_scaled_images_and_is_evaluated_alike(folder, finished, tmp_path):
    train(config(folder, tmp_path / "run", crop_from="image"))
    assert load_run(tmp_path / "run").record.config.augment.crop_from == "image"
    assert any((a != b).any() for a, b in zip(weights(tmp_path / "run"), weights(finished), strict=True))
    fingerprints = {load_run(run).record.fingerprint for run in (tmp_path / "run", finished)}
    assert len(fingerprints) == 1  # what is evaluated is the same scaled image


@pytest.mark.parametrize("file", ["jpg", "png"])
def test_a_lost_file_ends_the_run_with_its_name(folder, tmp_path, file, monkeypatch):
    monkeypatch.setattr(file_images, "PAUSES", (0.01,))
    copy = shutil.copytree(folder, tmp_path / "pictures")
    lost = sorted(copy.rglob(f"*.{file}"))

    class Lose(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for path in lost if batch == 0 else []:
                path.unlink()

    with pytest.raises(DataError, match=rf"pictures/[ab]/\d+\.{file} can no longer be read .*training goes on"):
        train(config(copy, tmp_path / "run", steps=40), callbacks=[Lose()])


def test_files_that_are_gone_for_a_moment_do_not_end_the_run(folder, tmp_path, caplog):
    copy, away = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "away"

    class Lose(keras.callbacks.Callback):
        lost = False

        def on_train_batch_end(self, batch, logs=None):
            if not self.lost:
                self.lost = True
                (copy / "a").rename(away)
                threading.Timer(0.8, lambda: away.rename(copy / "a")).start()

    assert train(config(copy, tmp_path / "run", steps=80), callbacks=[Lose()]).complete
    assert "reading images failed at step " in caplog.text
    assert "and works again; going on." in caplog.text
    train(config(copy, tmp_path / "other", steps=80))
    for first, again in zip(weights(tmp_path / "other"), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_what_is_in_no_file_cannot_be_cut(tmp_path):
    with pytest.raises(ConfigError, match="--crop_from=source cuts views from image files, and --dataset=digits has"):
        train(config(None, tmp_path / "run", crop_from="source", data=DataConfig("digits")))
    assert not (tmp_path / "run").exists()


def test_a_truncated_file_is_left_out(folder, tmp_path, caplog):
    copy = shutil.copytree(folder, tmp_path / "pictures")
    (copy / "a" / "02.jpg").write_bytes((folder / "a" / "02.jpg").read_bytes()[:-200])
    with caplog.at_level(logging.INFO):
        train(config(copy, tmp_path / "run"), callbacks=[StopAfter(1)])
    assert "skipped 1 of 24 image files" in caplog.text
    assert "02.jpg: " in caplog.text
    assert "23 of folder:" in caplog.text
