"""Records, progress, metrics file, checkpoints and signals, each on its own."""

import importlib
import io
import json
import os
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aag_tf.callbacks import (
    Checkpoints,
    CollapseWarning,
    Divergence,
    EncoderMonitor,
    Interruption,
    MetricsFile,
    Progress,
    Span,
    StepLog,
    TensorBoardWriter,
)
from aag_tf.callbacks.monitor import embedding_spread
from aag_tf.checkpoints import CheckpointStore, RunState
from aag_tf.config import OptimizerConfig, TrainConfig
from aag_tf.data import ArrayImages, Split
from aag_tf.errors import TrainingError
from aag_tf.evaluation import embed, knn_accuracy, rankme, uniformity

monitor_module = importlib.import_module("aag_tf.callbacks.monitor")


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
    progress.close()
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


def state_of(networks):
    encoder, projector, optimizer = networks
    return RunState(encoder=encoder, projector=projector, optimizer=optimizer)


def checkpoints(directory, networks, *, start_step=0, every=2, keep=2, check=lambda step: None):
    span = Span(start_step, total_steps=100, steps_per_epoch=10)
    return Checkpoints(CheckpointStore(directory), state_of(networks), span, every=every, keep=keep, check=check)


def values(networks):
    return [tf.convert_to_tensor(variable).numpy() for variable in networks[0].weights + networks[2].variables]


def test_checkpoints_are_numbered_by_step_kept_in_number_and_restored_whole(tmp_path, networks):
    store = CheckpointStore(tmp_path)
    assert state_of(networks).restore(store) == 0
    callback = checkpoints(tmp_path, networks)
    for batch in range(7):
        take_step(networks)
        callback.on_train_batch_end(batch)
    callback.on_train_end()
    assert [checkpoint.step for checkpoint in store.all()] == [6, 7]
    expected = values(networks)
    take_step(networks)
    assert state_of(networks).restore(store) == 7
    for value, before in zip(values(networks), expected, strict=True):
        np.testing.assert_array_equal(value, before)


def test_the_position_is_that_of_the_run_and_not_of_the_optimizer(tmp_path, networks):
    callback = checkpoints(tmp_path, networks, start_step=40)
    callback.on_train_batch_end(4)  # no step taken, as when float16 overflows
    callback.on_train_end()
    assert [checkpoint.step for checkpoint in callback.store.all()] == [45]


def test_the_best_knn_accuracy_is_saved_where_it_was_measured_and_kept(tmp_path, networks):
    callback = checkpoints(tmp_path, networks, every=4, keep=1)
    accuracies = {1: 0.5, 3: 0.75, 6: 0.25}
    for batch in range(8):
        if batch + 1 in accuracies:
            callback.write({"step": batch + 1, "knn_accuracy": accuracies[batch + 1]})
        callback.on_train_batch_end(batch)
    assert [checkpoint.step for checkpoint in callback.store.all()] == [3, 8]
    assert callback.store.best_accuracy() == 0.75
    again = checkpoints(tmp_path, networks, start_step=8, every=4, keep=1)
    again.write({"step": 9, "knn_accuracy": 0.5})  # less than before the interruption
    again.on_train_batch_end(0)
    assert [checkpoint.step for checkpoint in again.store.all()] == [3, 8]


def divergence(tmp_path, networks, **config):
    return Divergence(Span(20, 100, 10), CheckpointStore(tmp_path), state_of(networks), TrainConfig(**config))


@pytest.mark.parametrize(("loss", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_a_loss_that_is_not_finite_ends_the_run_with_step_checkpoint_and_causes(tmp_path, networks, loss, word):
    checkpoints(tmp_path, networks, start_step=20).on_train_batch_end(3)
    guard = divergence(tmp_path, networks, optimizer=OptimizerConfig(learning_rate=30.0, warmup_fraction=0.0))
    guard.on_train_batch_end(3, {"loss": 2.0})
    with pytest.raises(TrainingError) as end:
        guard.on_train_batch_end(4, {"loss": loss})
    message = str(end.value)
    assert f"the loss is {word} at step 25; the last good checkpoint is {tmp_path / 'step-24'}." in message
    assert "--learning_rate=30" in message
    assert "--warmup_fraction=0" in message
    assert "\n" not in message


@pytest.mark.parametrize("part", [0, 2], ids=["weight", "moment"])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, networks, part):
    guard = divergence(tmp_path, networks)
    callback = checkpoints(tmp_path, networks, check=guard.check_state)
    callback.on_train_batch_end(1)
    variable = networks[part].variables[-1]
    variable.assign(np.full(variable.shape, np.inf))
    with pytest.raises(TrainingError, match=r"weights are NaN or infinite after step 4; .*step-2"):
        callback.on_train_batch_end(3)
    assert [checkpoint.step for checkpoint in callback.store.all()] == [2]


class Events:
    """The writer of text that a warning is shown with."""

    def __init__(self):
        self.texts = []

    def write_text(self, tag, text, *, step):
        self.texts.append((tag, step, text))


@pytest.mark.parametrize(("name", "good", "bad"), [("uniformity", -0.5, -0.001), ("embedding_spread", 0.3, 0.01)])
def test_collapse_is_warned_of_once_and_not_at_a_single_record(name, good, bad, caplog):
    events = Events()
    guard = CollapseWarning(events)
    for step, value in enumerate([bad, good, bad, bad, bad], start=1):
        guard.write({"step": step, name: value})
        guard.write({"step": step, "loss": 1.0})
    assert [(tag, step) for tag, step, _ in events.texts] == [("warnings", 4)]
    assert name in events.texts[0][2]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_spread_of_embeddings_is_0_on_a_point_and_1_all_around():
    assert embedding_spread(np.tile([[1.0, 2.0]], (5, 1))) == pytest.approx(0.0, abs=1e-7)
    assert embedding_spread(np.array([[3.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])) == pytest.approx(1.0)
    assert embedding_spread(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(np.sqrt(0.5))


def events_in(directory):
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    return [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events.Tensors("loss/gnt_xent")]


def test_events_that_a_run_is_going_to_repeat_are_dropped(tmp_path):
    first = TensorBoardWriter(tmp_path)
    for step in (1, 2, 3, 4):
        first.write({"step": step, "loss": step / 2})
    first.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])  # a process was killed here
    second = TensorBoardWriter(tmp_path, start_step=2)
    second.write({"step": 3, "loss": 9.0})
    second.close()
    assert events_in(tmp_path) == [(1, 0.5), (2, 1.0), (3, 9.0)]
    third = TensorBoardWriter(tmp_path)  # from step 0
    third.write({"step": 1, "loss": 7.0})
    third.close()
    assert events_in(tmp_path) == [(1, 7.0)]


def two_classes(count=600):
    """Dark and bright images, sorted by class, as data sets often are."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], count // 2)
    pixels = (labels[:, None, None, None] * 200 + rng.integers(0, 50, (count, 2, 2, 1))).astype(np.uint8)
    return Split(ArrayImages(pixels), labels)


def scaled_pixels(scale=0.01, offset=-1.0):
    layers = [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Rescaling(scale, offset)]
    return keras.Sequential(layers)


def monitor(split, writer=None, encoder=None):
    writers = [] if writer is None else [writer]
    return EncoderMonitor(encoder or scaled_pixels(), split, split, writers, Span(0, 5, 5), every=3)


def test_the_monitor_measures_when_due_on_images_of_every_class():
    writer = Kept()
    watching = monitor(two_classes(), writer)
    for batch in range(5):
        watching.on_train_batch_end(batch)
    assert [record["step"] for record in writer.records] == [3, 5]
    for record in writer.records:
        assert record["knn_accuracy"] > 0.95
        assert record["linear_accuracy"] > 0.95
        assert 1 < record["effective_rank"] < 4
        assert record["feature_uniformity"] < 0
        assert record["monitor_seconds"] > 0


def test_the_monitor_agrees_with_the_measures_of_aag_evaluate(monkeypatch):
    monkeypatch.setattr(monitor_module, "BANK_IMAGES", 100)
    monkeypatch.setattr(monitor_module, "QUERY_IMAGES", 60)
    watching = monitor(two_classes())
    assert (len(watching.bank), len(watching.queries)) == (100, 60)
    features = embed(watching.embedding, watching.queries.images, progress=False)
    bank = embed(watching.embedding, watching.bank.images, progress=False)
    record = watching.measure(1)
    truth = watching.queries.labels
    assert record["knn_accuracy"] == knn_accuracy(bank, watching.bank.labels, features, truth)
    assert record["effective_rank"] == rankme(features)
    assert record["feature_uniformity"] == uniformity(features)


def test_the_monitor_works_without_labels_with_one_class_and_with_few_images():
    split = two_classes()
    unlabelled = monitor(Split(split.images)).measure(1)
    assert set(unlabelled) == {"step", "effective_rank", "feature_uniformity", "embedding_spread", "monitor_seconds"}
    one_class = monitor(Split(split.images, split.labels * 0)).measure(1)
    assert set(one_class) == set(unlabelled)
    assert set(monitor(split.select(np.array([0]))).measure(1)) == {"step", "monitor_seconds"}
    few = split.select(np.array([0, 1, 2, 597, 598, 599]))  # fewer than the twenty neighbours that vote
    assert monitor(few).measure(1)["linear_accuracy"] == 1


def test_the_monitor_shows_a_collapse_and_survives_nan():
    collapsed = monitor(two_classes(), encoder=scaled_pixels(scale=0.0, offset=1.0)).measure(1)
    assert collapsed["effective_rank"] == pytest.approx(1, abs=1e-3)
    assert collapsed["feature_uniformity"] == pytest.approx(0, abs=1e-5)
    broken = monitor(two_classes(), encoder=scaled_pixels(scale=float("nan"))).measure(1)
    assert set(broken) == {"step", "monitor_seconds"}


def test_a_signal_stops_at_the_next_step_and_a_second_one_at_once():
    model = SimpleNamespace(stop_training=False)
    before = signal.getsignal(signal.SIGINT)
    with Interruption(Span(0, 10, 5)) as callback:
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
