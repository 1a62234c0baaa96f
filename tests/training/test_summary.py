"""What a run is going to do is said before its first step, and after some steps how long it will take."""

import dataclasses
import datetime
import json
import logging

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from training_runs import schedule, settings

from aag_tf.config import DataConfig, ScheduleConfig
from aag_tf.training.callbacks import StepRange, time_estimate
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.open_run import open_run
from aag_tf.training.summary import summarize
from aag_tf.training.train import train
from aag_tf.utils.progress import no_progress


def lines(tmp_path, *, data, run=None, **changes):
    config = settings(tmp_path / "run", **(run or {}))
    schedule = {"global_batch_size": 4, "train_steps": 6, "jit_compile": "off", "precision": "float32"} | changes
    config = dataclasses.replace(config, data=data, schedule=ScheduleConfig(**schedule))
    with open_run(config, CustomComponents()) as opened:
        return summarize(opened)


def save_pictures(root, *names):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((12, 12, 3), number * 9, np.uint8)).save(root / name)


def test_labeled_images(tmp_path):
    summary = lines(
        tmp_path,
        data=DataConfig("digits"),
        run={"knn_every_epochs": 2},
        train_steps=None,
        epochs=3,
        precision="float32",
    )
    encoder = summary.lines.pop("encoder")
    assert encoder == "one_block (--encoder), 1,320 parameters, embeddings of 8; projector of 320"
    assert summary.lines == {
        "images": "1,797 of digits, resized to 8x8 gray (--image_size)",
        "classes": "10: 0 (129), 1 (131), 2 (127), 3 (132), 4 (130), 5 more; used to evaluate, not to train",
        "splits": "train 1,295; validation 143, 10% held out of train (--validation_fraction); test 359, "
        "20% of the labeled images, since the data set has no test split",
        "precision": "float32 on CPU (--precision)",
        "steps": "969, 3 epochs of 323 steps (--epochs); batches of 4 images (--global_batch_size), 3 views of each "
        "(--aux_views)",
        "monitoring": "kNN and linear probe of 143 held-out images every 2 epochs (--knn_every_epochs)",
        "saved in": f"{tmp_path / 'run'}",
    }
    text = str(summary).splitlines()
    assert text[0] == "This run:"
    assert text[1] == "  images      1,797 of digits, resized to 8x8 gray (--image_size)"


def test_unlabeled_images_of_which_some_are_broken(tmp_path):
    save_pictures(tmp_path / "images", *(f"{number}.png" for number in range(10)))
    for name in ("a.png", "b.png"):
        (tmp_path / "images" / name).write_bytes(b"no picture")
    (tmp_path / "images" / "c.png").symlink_to("missing.png")
    data = DataConfig(f"folder:{tmp_path / 'images'}", validation_fraction=0.0)
    found = lines(tmp_path, data=data, run={"knn_every_epochs": 1}).lines
    assert found["images"] == f"10 of folder:{tmp_path / 'images'}, resized to 12x12 RGB (--image_size)"
    assert found["skipped"].startswith(
        f"3 (2 a text file, which is not read: it is no picture, 1 No such file or directory): {tmp_path / 'images'}"
    )
    assert found["skipped"].endswith(f"; all are named in {tmp_path / 'run' / 'skipped.json'}")
    kept = json.loads((tmp_path / "run" / "skipped.json").read_text())
    assert sorted(kept) == [str(tmp_path / "images" / name) for name in ("a.png", "b.png", "c.png")]
    assert found["classes"] == "none known, and none needed: nothing is learned from labels"
    assert found["splits"] == (
        "train 10; no validation (--validation_fraction holds some out); no test, since there are no labels; no "
        "sub-folder is named like a split (--splits)"
    )
    assert found["monitoring"] == "none during training, since no image is held out (--validation_fraction)"


def test_folders_of_splits(tmp_path):
    names = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in ("ant", "cat") for n in range(4)]
    save_pictures(tmp_path / "images", *names)
    run = {"monitor_dataset": "digits", "knn_every_epochs": 1}
    found = lines(tmp_path, data=DataConfig(f"folder:{tmp_path / 'images'}"), run=run).lines
    assert found["classes"] == (
        "2 from sub-folders: ant (4), cat (4); used to evaluate, not to train (--labels=none for none)"
    )
    assert found["splits"] == (
        "train 8; no validation (--validation_fraction holds some out); test 8, "
        "the validation split of the data set, which has no test split; sub-folders train, val (--splits)"
    )
    assert found["monitoring"] == (
        "kNN and linear probe of 143 held-out images of digits (--monitor_dataset) every epoch (--knn_every_epochs)"
    )


def test_a_tensorflow_data_set(tmp_path):
    with tfds.testing.mock_data(num_examples=40):
        found = lines(tmp_path, data=DataConfig("tfds:svhn_cropped", validation_fraction=0.25)).lines
    assert found["images"] == "80 of tfds:svhn_cropped, resized to 32x32 RGB (--image_size)"
    assert "skipped" not in found
    assert found["classes"].startswith("10: 0 (")
    assert found["splits"] == "train 30; validation 10, 25% held out of train (--validation_fraction); test 40"


def test_training_says_it_and_no_progress_is_silent(tmp_path, caplog):
    config = dataclasses.replace(settings(tmp_path / "a"), schedule=schedule(train_steps=1))
    with caplog.at_level(logging.INFO, "aag_tf"):
        train(config)
    said = [record.getMessage() for record in caplog.records if record.name == "aag_tf"]
    assert said[0].startswith("This run:\n  images      1,797 of digits")
    caplog.clear()
    with caplog.at_level(logging.INFO, "aag_tf"), no_progress():
        train(dataclasses.replace(config, run=dataclasses.replace(config.run, overwrite=True)))
    assert [record.getMessage() for record in caplog.records if record.name == "aag_tf"] == []


@pytest.mark.parametrize(
    ("seconds", "total", "said"),
    [
        (0.5, 20, []),  # the first five seconds are the last
        (0.5, 100, ["About 44 seconds, until 12:00."]),
        (10.0, 100, ["About 16 minutes, until 12:16."]),
        (600.0, 100, ["About 16.3 hours, until Sunday, 02 March, 04:20."]),
    ],
)
def test_the_time_is_estimated_from_the_steps_after_the_first(seconds, total, said, monkeypatch, caplog):
    clock = [0.0]
    noon = datetime.datetime(2025, 3, 1, 12)
    monkeypatch.setattr(time_estimate, "now", lambda: noon)
    monkeypatch.setattr(time_estimate.time, "monotonic", lambda: clock[0])
    callback = time_estimate.TimeEstimate(StepRange(0, total, 10))
    with caplog.at_level(logging.INFO, "aag_tf"):
        clock[0] += 1000.0  # the first step compiles
        for batch in range(total):
            callback.on_train_batch_end(batch)
            clock[0] += seconds
    assert [record.getMessage() for record in caplog.records] == said
