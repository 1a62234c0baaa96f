"""Runs whose views are cut from the pictures themselves: resume and replicas."""

import logging
import shutil

import numpy as np
import pytest
from processes import Process, finish
from source_pictures import config, save_pictures
from training_runs import StopAfter, metrics, records, train_elsewhere, weights

from aag_tf.config import DataConfig
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    save_pictures(root)
    return root


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
