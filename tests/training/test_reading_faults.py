"""Images that cannot be read while a run goes on: for a moment, for good, or as another picture."""

import shutil
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from source_pictures import config, save_pictures
from training_runs import metrics, weights

from aag_tf.data.images import file_images, memory
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.training.step_counter import InputError, StepCounter
from aag_tf.training.train import train
from aag_tf.training.train_function import make_train_function
from aag_tf.utils.errors import DataError

STEPS = 40  # more than are read ahead


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures to train on, and pictures to be measured on while it trains."""
    root = tmp_path_factory.mktemp("pictures")
    save_pictures(root / "train")
    save_pictures(root / "val", count=8, seed=1)
    save_pictures(root / "test", count=4, seed=2)
    return root


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(file_images, "PAUSES", (0.01, 0.01))


class After(keras.callbacks.Callback):
    """Acts once after a step, and counts the steps."""

    def __init__(self, step, act):
        super().__init__()
        self.step, self.act, self.steps = step, act, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == self.step:
            self.act()


def checkpoints(run_dir):
    return [stored.step for stored in CheckpointStore(run_dir / "checkpoints").all()]


def assert_same_run(run_dir, other):
    for first, again in zip(weights(run_dir), weights(other), strict=True):
        np.testing.assert_array_equal(first, again)
    assert metrics(run_dir) == metrics(other)


@pytest.fixture(scope="module", params=["source", "image"])
def way(request):
    """What views are cut from: pictures, which TensorFlow decodes, or scaled images, which Python does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "MEMORY_LIMIT", 0)
        yield request.param


@pytest.fixture(scope="module")
def undisturbed(folder, way, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "undisturbed"
    run = {"log_every_steps": 1, "knn_every_epochs": 5, "checkpoint_every_steps": 1000}
    assert train(config(folder, run_dir, steps=STEPS, crop_from=way, aux="none", **run)).complete
    return run_dir


def settings(folder, run_dir, way, **run):
    """Of a run like the undisturbed one; it is saved nowhere but at its end."""
    run = {"log_every_steps": 1, "knn_every_epochs": 5, "checkpoint_every_steps": 1000, **run}
    return config(folder, run_dir, steps=STEPS, crop_from=way, aux="none", **run)


def test_a_lost_file_ends_a_run_with_its_last_step_saved_and_it_goes_on_as_if_undisturbed(
    folder, way, undisturbed, tmp_path
):
    pictures, run_dir = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "run"
    lose = After(2, lambda: (pictures / "train" / "a").rename(tmp_path / "away"))
    with pytest.raises(DataError, match=r"train/a/\d+\.\w+ can no longer be read \(No such file .* training goes on"):
        train(settings(pictures, run_dir, way), callbacks=[lose])
    assert 2 <= lose.steps < STEPS
    assert checkpoints(run_dir)[-1] == lose.steps
    (tmp_path / "away").rename(pictures / "train" / "a")
    assert train(settings(pictures, run_dir, way, resume=True)).complete
    assert_same_run(run_dir, undisturbed)


@pytest.mark.parametrize("way", ["source"], indirect=True)  # the encoder is measured on scaled images either way
def test_a_lost_file_to_be_measured_on_does_too(folder, way, undisturbed, tmp_path):
    pictures, run_dir = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "run"
    lose = After(2, lambda: (pictures / "val").rename(tmp_path / "away"))
    with pytest.raises(DataError, match=r"val/[ab]/\d+\.\w+ can no longer be read"):
        train(settings(pictures, run_dir, way), callbacks=[lose])
    assert checkpoints(run_dir) == [15]  # five epochs of three steps
    assert not any("monitor_seconds" in record for record in metrics(run_dir))
    (tmp_path / "away").rename(pictures / "val")
    assert train(settings(pictures, run_dir, way, resume=True)).complete
    assert_same_run(run_dir, undisturbed)


@pytest.mark.parametrize("way", ["source"], indirect=True)
def test_what_was_to_be_measured_at_the_end_is_measured_when_it_is_resumed(folder, way, undisturbed, tmp_path):
    pictures, run_dir = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "run"
    lose = After(STEPS - 1, lambda: (pictures / "val").rename(tmp_path / "away"))
    with pytest.raises(DataError, match="can no longer be read"):
        train(settings(pictures, run_dir, way), callbacks=[lose])
    assert checkpoints(run_dir)[-1] == STEPS
    (tmp_path / "away").rename(pictures / "val")
    for _ in range(2):  # the second time there is nothing left to do
        assert train(settings(pictures, run_dir, way, resume=True)).complete
        assert_same_run(run_dir, undisturbed)


def test_files_that_are_gone_for_a_moment_do_not_end_the_run(folder, way, undisturbed, tmp_path, caplog):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_images, "PAUSES", (0.3,) * 10)
        _lose_for_a_moment(folder, way, tmp_path)
    if way == "source":
        assert "reading images failed at step " in caplog.text
        assert "and works again; going on." in caplog.text
    assert_same_run(tmp_path / "run", undisturbed)


def _lose_for_a_moment(folder, way, tmp_path):
    pictures, away = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "away"

    def lose():
        (pictures / "train" / "a").rename(away)
        threading.Timer(0.8, lambda: away.rename(pictures / "train" / "a")).start()

    assert train(settings(pictures, tmp_path / "run", way), callbacks=[After(2, lose)]).complete


def test_another_picture_in_place_of_a_file_ends_the_run_in_a_sentence(folder, tmp_path):
    pictures, run_dir = shutil.copytree(folder, tmp_path / "pictures"), tmp_path / "run"

    def replace():
        for path in pictures.glob("train/*/*.jpg"):
            with Image.open(path) as picture:
                picture.load()
            picture.save(path, "tiff")

    act = After(1, replace)
    with pytest.raises(DataError, match=r"\d\d\.jpg can no longer be read as when the run began, .* training goes on"):
        train(settings(pictures, run_dir, "source"), callbacks=[act])
    assert checkpoints(run_dir)[-1] == act.steps


def test_an_error_beside_the_steps_is_not_taken_for_one_of_the_input(folder, tmp_path):
    def fail():
        raise tf.errors.UnavailableError(None, None, "of something else")

    act = After(3, fail)
    with pytest.raises(tf.errors.UnavailableError, match="of something else"):
        train(settings(folder, tmp_path / "run", "source"), callbacks=[act])
    assert act.steps == 3  # no step was trained again


def call_often(function, batches):
    iterator = iter(batches)
    for _ in range(5):
        function(iterator)


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_steps_that_were_done_before_the_input_failed_are_counted(steps_per_execution):
    def read(number):
        return {"x": tf.io.decode_raw(tf.gather(["\1", "\2", "\3", "\4", ""], number), tf.uint8)[0]}

    total = tf.Variable(0)

    def step(batch):
        return {"total": total.assign_add(tf.cast(batch["x"], tf.int32))}

    counter = StepCounter()
    function = make_train_function(
        step,
        tf.distribute.get_strategy(),
        steps_per_execution=steps_per_execution,
        jit_compile=False,
        counter=counter,
    )
    with pytest.raises(InputError) as failed:
        call_often(counter.watched(function), tf.data.Dataset.range(5).map(read))
    assert failed.value.steps == counter.done == 4
    assert int(total) == 1 + 2 + 3 + 4


def test_a_step_that_fails_by_itself_is_not_taken_for_its_input():
    def step(batch):
        with tf.control_dependencies([tf.debugging.assert_less(batch["x"], tf.constant(2, tf.int64))]):
            return {"x": tf.identity(batch["x"])}

    counter = StepCounter()
    function = make_train_function(
        step, tf.distribute.get_strategy(), steps_per_execution=1, jit_compile=False, counter=counter
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        call_often(counter.watched(function), tf.data.Dataset.range(5).map(lambda number: {"x": number}))
    assert counter.done == 2
