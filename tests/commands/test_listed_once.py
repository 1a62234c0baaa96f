"""A data set is listed once in a command, however many look at it, and what is odd about it is said once."""

import logging
import os
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from processes import Process
from watched_training import train_and_say_what_is_listed

from aag_tf.config import DataConfig, LayoutConfig
from aag_tf.data import open_source
from aag_tf.data.layouts import walking
from aag_tf.preflight.datasets import check_dataset
from aag_tf.utils.once import handing_on

IGNORED = "whose names have no image suffix: 1 .heic."


@pytest.fixture
def folder(tmp_path):
    for number in range(24):
        path = tmp_path / "in" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(path)
    (tmp_path / "in" / "a" / "odd.heic").touch()
    return tmp_path / "in"


@pytest.fixture
def walks(monkeypatch):
    """Numbers of times that folders were listed, by name."""
    scan, counts = os.scandir, Counter()

    def count(folder):
        counts[os.path.basename(os.fspath(folder).rstrip("/"))] += 1
        return scan(folder)

    monkeypatch.setattr(walking.os, "scandir", count)
    return counts


def count(source):
    return sum(len(split) for split in (source.train, source.validation, source.test) if split is not None)


def test_aag_train_lists_a_folder_once(folder, tmp_path):
    flags = [f"--dataset=folder:{folder}", "--global_batch_size=4", "--dry_run", f"--run_dir={tmp_path}/run"]
    process = Process(train_and_say_what_is_listed, str(folder), *flags, log=tmp_path / "log.txt")
    assert process.finish() == 0, process.messages
    listed = [line for line in process.messages.splitlines() if line.startswith("listed ")]
    assert sorted(listed) == [f"listed {folder}/", f"listed {folder}/a", f"listed {folder}/b"]
    assert process.messages.count(IGNORED) == 1


def test_what_a_check_has_listed_is_opened(folder, walks, caplog):
    config = DataConfig(f"folder:{folder}")
    with caplog.at_level(logging.WARNING, "aag_tf"), handing_on():
        check_dataset(config, 8)
        assert IGNORED not in caplog.text
        check_dataset(config, 8)
        assert count(open_source(config)) == 24
        assert caplog.text.count(IGNORED) == 1
        assert walks == {"in": 1, "a": 1, "b": 1}
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "a" / "new.png")
        source = open_source(config)  # again, as it is now
    assert count(source) == 25
    assert walks == {"in": 2, "a": 2, "b": 2}


def test_another_layout_is_another_listing(folder):
    config = DataConfig(f"folder:{folder}")
    with handing_on():
        check_dataset(config)
        other = DataConfig(f"folder:{folder}", layout=LayoutConfig(labels="none"))
        assert open_source(other).train.labels is None


def test_outside_of_a_command_nothing_is_kept(folder, walks):
    config = DataConfig(f"folder:{folder}")
    check_dataset(config, 8)
    open_source(config)
    with handing_on():
        check_dataset(config, 8)
    open_source(config)
    assert walks["a"] == 4
