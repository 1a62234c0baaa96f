"""Records, progress, metrics file, checkpoints and signals, each on its own."""

import io
import json
import os
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.callbacks import Checkpoints, Interruption, KnnMonitor, MetricsFile, Progress, Span, StepLog, steps_done
from aag_tf.data import ArrayImages, Split


class Kept:
    """A writer that keeps its records."""

    def __init__(self):
        self.records = []

    def write(self, record):
        self.records.append(dict(record))


def run_steps(callback, first, last, width=1):
    """Calls the batch hooks as `fit` does, with `width` steps per execution."""
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
    for batch in range(first, last, width):
        callback.on_train_batch_begin(batch)
        callback.on_train_batch_end(batch + width - 1, {"loss": float(batch)})


def step_log(writer, **changes):
    span = Span(changes.pop("start_step", 0), total_steps=10, steps_per_epoch=5)
    return StepLog([writer], span, **{"every": 4, "global_batch_size": 8, **changes})


@pytest.mark.parametrize(
    ("changes", "width", "steps"),
    [
        ({}, 1, [4, 8, 10]),
        ({}, 2, [4, 8, 10]),
        ({"every": 100}, 1, [10]),
        ({"every": 3}, 2, [4, 6, 10]),
        ({"every": 6}, 4, [8, 10]),
    ],
)
def test_records_come_every_so_many_steps_and_at_the_end(changes, width, steps):
    writer = Kept()
    run_steps(step_log(writer, **changes), 0, 10, width)
    assert [record["step"] for record in writer.records] == steps


def test_a_record_says_where_it_is_and_how_fast():
    writer = Kept()
    run_steps(step_log(writer, start_step=6), 0, 4)
    assert [(record["step"], record["epoch"], record["loss"]) for record in writer.records] == [
        (8, 8 / 5, 1.0),
        (10, 10 / 5, 3.0),
    ]
    assert all(record["learning_rate"] == 0.5 and record["images_per_second"] > 0 for record in writer.records)


def test_the_metrics_file_drops_what_will_be_done_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = MetricsFile(path)
    for step in (1, 2, 3):
        first.write({"step": step, "loss": step / 2})
    with path.open("a") as file:
        file.write('{"step": 4, "lo')  # a process was killed here
    MetricsFile(path, start_step=2).write({"step": 3, "loss": 9.0})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": 1.0},
        {"step": 3, "loss": 9.0},
    ]


def test_progress_off_a_terminal_is_a_line_now_and_then():
    stream = io.StringIO()
    progress = Progress(Span(0, 100, 10), stream=stream)
    progress.on_train_begin()
    progress.write({"step": 10, "knn_accuracy": 0.625})
    for step in (10, 20, 100):
        progress.write({"step": step, "loss": 2.0, "images_per_second": 1234.5})
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2  # the second is within half a minute of the first, the last always comes
    assert lines[0].startswith("step 10 of 100: loss 2.000, 1,234 images/s, kNN 62.5%")


def test_progress_on_a_terminal_is_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    progress = Progress(Span(40, 100, 10), stream=stream)
    progress.on_train_begin()
    progress.write({"step": 100, "loss": 2.0, "images_per_second": 1234.5})
    for batch in range(60):
        progress.on_train_batch_end(batch)
    progress.on_train_end()
    assert "100/100" in stream.getvalue()
    assert "loss 2.000" in stream.getvalue()


@pytest.fixture
def networks():
    encoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    projector = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(encoder.trainable_variables + projector.trainable_variables)
    return encoder, projector, optimizer


def take_step(networks):
    encoder, projector, optimizer = networks
    variables = encoder.trainable_variables + projector.trainable_variables
    optimizer.apply([tf.ones_like(variable) for variable in variables], variables)


def checkpoints(directory, networks, every=2, keep=2):
    encoder, projector, optimizer = networks
    return Checkpoints(directory, encoder=encoder, projector=projector, optimizer=optimizer, every=every, keep=keep)


def test_checkpoints_are_numbered_by_step_kept_in_number_and_restored_whole(tmp_path, networks):
    callback = checkpoints(tmp_path, networks)
    assert callback.restore() == 0
    for batch in range(7):
        take_step(networks)
        callback.on_train_batch_end(batch)
    callback.on_train_end()
    assert sorted(path.name for path in tmp_path.glob("*.index")) == ["step-6.index", "step-7.index"]
    expected = [tf.convert_to_tensor(variable).numpy() for variable in networks[0].weights + networks[2].variables]
    take_step(networks)
    assert checkpoints(tmp_path, networks).restore() == 7
    assert steps_done(networks[2]) == 7
    for variable, value in zip(networks[0].weights + networks[2].variables, expected, strict=True):
        np.testing.assert_array_equal(tf.convert_to_tensor(variable).numpy(), value)


def test_knn_monitor_measures_when_due_on_images_of_every_class():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)  # sorted by class, as data sets often are
    pixels = (labels[:, None, None, None] * 200 + rng.integers(0, 50, (600, 2, 2, 1))).astype(np.uint8)
    split = Split(ArrayImages(pixels), labels)
    encoder = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Rescaling(1 / 100, -1)])
    writer = Kept()
    monitor = KnnMonitor(encoder, split, split, [writer], Span(0, 5, 5), every=3)
    for batch in range(5):
        monitor.on_train_batch_end(batch)
    assert [record["step"] for record in writer.records] == [3, 5]
    assert all(record["knn_accuracy"] > 0.95 for record in writer.records)


def test_a_signal_stops_at_the_next_step_and_a_second_one_at_once():
    model = SimpleNamespace(stop_training=False)
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as callback:
        callback.set_model(model)
        callback.on_train_batch_end(0)
        assert not model.stop_training
        os.kill(os.getpid(), signal.SIGINT)
        callback.on_train_batch_end(1)
        assert model.stop_training
        assert callback.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
