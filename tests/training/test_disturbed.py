"""What happens around a run: disks that fail or fill up, files deleted under it, a second resume, other arithmetic."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from failing_writes import fail_writes, require_filters
from own_rights import obey_rights
from processes import Process, finish
from small_disk import small_disk
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import STEPS, metrics, settings, train_elsewhere, weights

from aag_tf.config import AugmentConfig, TrainConfig
from aag_tf.runs import RunRecord
from aag_tf.runs.arithmetic import Arithmetic
from aag_tf.training.arithmetic import say_if_not_repeated
from aag_tf.training.callbacks.event_files import event_files
from aag_tf.training.train import train
from aag_tf.utils.errors import RunDirectoryError


class At:
    """A writer that does something once, at the record of a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def write(self, record):
        if record["step"] == self.step:
            self.action()


def often(run_dir, **run):
    """Settings of a run that writes at every step and checkpoints at every fourth, with two views, quick to trace."""
    config = settings(run_dir, **{"log_every_steps": 1, "checkpoint_every_steps": 4} | run)
    return dataclasses.replace(config, augment=AugmentConfig(aux="none"))


def resumed(config):
    return dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))


def logged(run_dir):
    """Steps of the loss in the event files, in the order in which TensorBoard reads them."""
    events = EventAccumulator(str(run_dir), size_guidance={"tensors": 0})
    events.Reload()
    return [event.step for event in events.Tensors("loss/gnt_xent")]


def assert_same(run_dir, other):
    assert metrics(run_dir) == metrics(other)
    for first, again in zip(weights(run_dir), weights(other), strict=True):
        np.testing.assert_array_equal(first, again)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed run."""
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    train(often(run_dir))
    return run_dir


def test_files_deleted_under_a_run_are_missed_and_begun_again(tmp_path, whole, caplog):
    run_dir = tmp_path / "run"

    def delete():
        (deleted,) = event_files(run_dir)
        deleted.unlink()

    train(often(run_dir), writers=[At(5, delete), At(8, (run_dir / "metrics.jsonl").unlink)])
    said = [message for message in caplog.messages if "was deleted" in message]
    assert len(said) == 2
    assert re.search(
        r"/run/events\.out\.tfevents\.\S+ was deleted while the run writes it; the events from step 6", said[0]
    )
    assert said[1] == f"{run_dir}/metrics.jsonl was deleted while the run writes it; it begins anew at step 9."
    assert logged(run_dir) == list(range(6, STEPS + 1))
    assert metrics(run_dir) == metrics(whole)[8:]
    for first, again in zip(weights(run_dir), weights(whole), strict=True):
        np.testing.assert_array_equal(first, again)


def test_the_folder_of_an_earlier_versions_events_deleted_under_a_run_is_made_again(tmp_path, whole, caplog):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(run_dir / "checkpoints" / f"step-{STEPS}")
    (run_dir / "tensorboard").mkdir()
    for path in event_files(run_dir):
        path.rename(run_dir / "tensorboard" / path.name)
    train(resumed(often(run_dir)), writers=[At(10, lambda: shutil.rmtree(run_dir / "tensorboard"))])
    assert "was deleted while the run writes it; the events from step 11 on go to another file" in caplog.text
    assert logged(run_dir / "tensorboard") == [11, 12]
    assert event_files(run_dir) == []


def test_a_run_directory_deleted_under_a_run_ends_it_in_one_sentence(tmp_path):
    run_dir = tmp_path / "run"
    with pytest.raises(RunDirectoryError) as error:
        train(often(run_dir), writers=[At(5, lambda: shutil.rmtree(run_dir))])
    assert str(error.value).startswith(
        f"the run cannot go on ({run_dir}/metrics.jsonl: No such file or directory); there is no checkpoint yet."
    )


def test_events_of_a_clock_that_was_set_back_are_read_in_their_order(tmp_path, whole):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(run_dir / "checkpoints" / f"step-{STEPS}")
    (early,) = event_files(run_dir)
    ahead = re.sub(r"tfevents\.(\d+)", lambda found: f"tfevents.{int(found[1]) + 86_400}", early.name)
    early.rename(early.with_name(ahead))
    os.utime(run_dir / ahead, (2e9, 2e9))
    train(resumed(often(run_dir)))
    assert logged(run_dir) == list(range(1, STEPS + 1))
    assert_same(run_dir, whole)


@pytest.mark.parametrize(("inodes", "room"), [(0, 1000), (1000, 0), (1000, 40)], ids=["inodes", "full", "checkpoint"])
def test_a_run_on_a_full_disk_names_the_file_and_goes_on_when_there_is_room(tmp_path, whole, inodes, room):
    with small_disk(tmp_path / "disk") as disk:
        disk.mount("size=100m")  # of which the run asks that it has room for its checkpoints

        def fill():
            used = sum(path.stat().st_blocks * 512 for path in disk.path.rglob("*"))
            disk.change(f"nr_inodes={len(disk.names()) + 1 + inodes}", f"size={used // 1024 + room}k")

        run_dir = disk.path / "run"
        with pytest.raises(RunDirectoryError) as error:
            train(often(run_dir), writers=[At(5, fill)])
        assert re.fullmatch(
            rf"the run cannot go on \({run_dir}/\S+: No space left on device\); the checkpoint of step \d+ is intact\. "
            r"Mend that \(free some space\?\), then add --resume to go on\.",
            str(error.value),
        ), error.value
        assert not [name for name in disk.names() if "unfinished" in name]
        disk.change("nr_inodes=1000", "size=100m")
        train(resumed(often(run_dir)))
        assert_same(run_dir, whole)


def train_without_rights(config, step, folder, mode):
    """Trains as a user who is held to the rights of files, which for a folder change at a step."""
    obey_rights()
    _end_with_a_sentence(config, At(step, lambda: folder.chmod(mode)))


def train_on_a_failing_disk(config, step):
    """Trains on a disk that fails to write the event file from a step on."""
    run_dir = Path(config.run.run_dir)
    _end_with_a_sentence(config, At(step, lambda: fail_writes(event_files(run_dir)[0])))


def _end_with_a_sentence(config, writer):
    try:
        train(config, writers=[writer])
    except RunDirectoryError as error:
        os.write(2, f"ended: {error}\n".encode())
        os._exit(1)


@pytest.mark.parametrize(
    ("lost", "file", "left"),
    [
        (("", 0), "metrics.jsonl", "nor can its checkpoints be looked at now. "),
        (("checkpoints", 0o500), "checkpoints/step-8", "the checkpoint of step 4 is intact. "),
    ],
    ids=["run", "checkpoints"],
)
def test_a_run_that_loses_the_right_to_write_ends_in_one_sentence(tmp_path, whole, lost, file, left):
    run_dir, (folder, mode) = tmp_path / "run", lost
    process = Process(train_without_rights, often(run_dir), 5, run_dir / folder, mode, log=tmp_path / "log.txt")
    assert process.finish() == 1, process.messages
    assert "ended: " in process.messages, process.messages
    said = process.messages.split("ended: ")[1]
    assert said.startswith(f"the run cannot go on ({run_dir / file}: Permission denied); {left}")
    assert "Traceback" not in process.messages
    (run_dir / folder).chmod(0o755)
    train(resumed(often(run_dir)))
    assert_same(run_dir, whole)


def test_a_disk_that_fails_to_write_events_ends_the_run_in_one_sentence(tmp_path, whole):
    require_filters()
    run_dir = tmp_path / "run"
    process = Process(train_on_a_failing_disk, often(run_dir), 5, log=tmp_path / "log.txt")
    assert process.finish() == 1, process.messages
    (events,) = event_files(run_dir)
    assert f"ended: the run cannot go on ({events}: Input/output error); the checkpoint of step 4" in process.messages
    train(resumed(often(run_dir)))
    assert_same(run_dir, whole)
    assert logged(run_dir) == list(range(1, STEPS + 1))


def test_of_two_resumes_at_once_one_is_refused_and_the_other_ends_as_if_alone(tmp_path, whole):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    for step in (8, STEPS):
        shutil.rmtree(run_dir / "checkpoints" / f"step-{step}")
    config = resumed(often(run_dir))
    logs = [tmp_path / f"log{number}.txt" for number in range(2)]
    codes, messages = finish([Process(train_elsewhere, config, log=log) for log in logs])
    assert_same(run_dir, whole)
    assert logged(run_dir) == list(range(1, STEPS + 1))
    if sorted(codes) == [0, 0]:  # the second came when the first had ended, and found nothing left to do
        return
    assert sorted(codes) == [0, 1], messages
    assert "is being trained in by another process (process " in messages[codes.index(1)]


RECORD = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1))
NOW = Arithmetic(["1 CPU"], "a CPU", 2, True, "2.21.0")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (NOW, []),
        (None, []),
        (
            dataclasses.replace(NOW, threads=8),
            [
                "the run goes on with 2 threads in place of 8 threads; its weights will differ from those of an "
                "uninterrupted one by rounding; TF_NUM_INTRAOP_THREADS=8 keeps 8 threads."
            ],
        ),
        (
            Arithmetic(["2 GPU"], "a CPU", 2, False, "2.20.0"),
            [
                "the run goes on with 1 CPU in place of 2 GPU, oneDNN on in place of oneDNN off, TensorFlow 2.21.0 in "
                "place of TensorFlow 2.20.0; its weights will differ from those of an uninterrupted one by rounding."
            ],
        ),
    ],
    ids=["same", "unknown", "threads", "machine"],
)
def test_a_run_that_goes_on_with_other_arithmetic_says_so(before, said, caplog):
    now = dataclasses.replace(RECORD, arithmetic=NOW)
    say_if_not_repeated(now, dataclasses.replace(RECORD, arithmetic=before))
    assert caplog.messages == said


def test_a_run_of_keras_cv_says_that_it_does_not_repeat(caplog):
    config = dataclasses.replace(TrainConfig(), augment=AugmentConfig(augment_impl="keras_cv"))
    record = dataclasses.replace(RECORD, config=config, arithmetic=NOW)
    own = dataclasses.replace(RECORD, auxiliary={"config": {"layers": [{"module": "keras_cv.layers"}]}})
    for each in (record, own, RECORD):
        say_if_not_repeated(each, each)
    assert caplog.messages == [
        "--augment_impl=keras_cv draws views by random numbers of its own, which no checkpoint holds, so that the run "
        "will not end with the weights of an uninterrupted one; a new run with --augment_impl=fused would.",
        "a layer of keras-cv draws auxiliary views by random numbers of its own, which no checkpoint holds, so that "
        "the run will not end with the weights of an uninterrupted one.",
    ]


def test_the_arithmetic_of_a_run_is_recorded_and_compared(tmp_path, whole, caplog):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    content = json.loads((run_dir / "run.json").read_text())
    assert content["arithmetic"]["threads"] == len(os.sched_getaffinity(0))
    assert content["arithmetic"]["devices"] == ["1 CPU"]
    train(resumed(often(run_dir)))
    assert "by rounding" not in caplog.text
    content["arithmetic"]["threads"] = 64
    (run_dir / "run.json").write_text(json.dumps(content))
    train(resumed(often(run_dir)))
    assert "in place of 64 threads" in caplog.text
    assert "TF_NUM_INTRAOP_THREADS=64 keeps 64 threads." in caplog.text
