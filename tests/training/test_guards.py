"""A run protects itself against a second one in its directory, a full disk and files that disappear."""

import dataclasses
import errno
import os
import shutil
from types import SimpleNamespace

import pytest
from small_pictures import save_picture
from training_runs import schedule, settings

from aag_tf.config import DataConfig
from aag_tf.data.images import memory
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.training.train import train
from aag_tf.utils.errors import DataError, RunDirectoryError


def test_a_run_locks_its_directory_and_ends_with_one_sentence_when_the_disk_is_full(tmp_path, monkeypatch):
    directory = RunDirectory(tmp_path / "run")
    attempts = []

    class Intruder:
        def write(self, record):
            attempts.append(record["step"])
            with pytest.raises(RunDirectoryError, match="being trained in by another process"):
                directory.check_unlocked()

    write = CheckpointStore.write

    def fill_up(store, step, write_state, **more):
        if step == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(store, step, write_state, **more)

    monkeypatch.setattr(CheckpointStore, "write", fill_up)
    with pytest.raises(RunDirectoryError, match=r"No space left .*; the checkpoint of step 3 is intact\. .*--resume"):
        train(settings(directory.path, checkpoint_every_steps=3), writers=[Intruder()])
    assert attempts == [5]
    directory.check_unlocked()


def test_a_disk_without_space_for_its_checkpoints_is_refused_before_the_run_directory_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    with pytest.raises(RunDirectoryError, match=r"the run needs .* GB for checkpoints"):
        train(settings(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_file_deleted_while_a_run_reads_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 100)  # so that pictures are read from disk, again in every epoch
    paths = [tmp_path / "pictures" / f"{number:02}.png" for number in range(16)]
    for number, path in enumerate(paths):
        save_picture(path, number)

    class Deleter:
        def write(self, record):
            paths[3].unlink(missing_ok=True)

    config = dataclasses.replace(
        settings(tmp_path / "run"),
        data=DataConfig(dataset=f"folder:{paths[0].parent}", validation_fraction=0.0),
        schedule=schedule(train_steps=1000, global_batch_size=8),  # more than are read ahead
    )
    with pytest.raises(DataError, match=r"03\.png can no longer be read .* training goes on with --resume"):
        train(config, writers=[Deleter()])
