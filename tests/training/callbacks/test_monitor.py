"""What the monitor measures of the encoder during a run, and the warning that it collapses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.data import ArrayImages, Split
from aag_tf.evaluation import embed, knn_accuracy, rankme, uniformity
from aag_tf.training.callbacks import CollapseWarning, EncoderMonitor, StepRange
from aag_tf.training.callbacks.monitor import BANK_IMAGES, MOST_CLASSES, QUERY_IMAGES, embedding_spread


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
    return EncoderMonitor(encoder or scaled_pixels(), split, split, writers, StepRange(0, 5, 5), every=3)


def test_the_monitor_measures_when_due_on_images_of_every_class(writer):
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


def test_the_monitor_goes_on_over_the_epochs_of_a_fit_of_ones_own(writer):
    split = two_classes(60)
    model = keras.Sequential([scaled_pixels(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    watching = EncoderMonitor(model.layers[0], split, split, [writer], StepRange(0, 15, 5), every=4)
    batches = tf.data.Dataset.from_tensors((tf.zeros([2, 2, 2, 1]), tf.zeros([2, 1]))).repeat(5)
    for steps in ([4, 8, 12, 15], [4, 8, 12, 15]):  # a second `fit` counts from 0 again
        writer.records.clear()
        model.fit(batches, epochs=3, callbacks=[watching], verbose=0, shuffle=False)
        assert [record["step"] for record in writer.records] == steps


def test_steps_beyond_an_epoch_are_not_counted(writer):
    split = two_classes(60)
    watching = EncoderMonitor(scaled_pixels(), split, split, [writer], StepRange(0, 10, 5), every=100)
    watching.set_params({"steps": 5})
    for epoch in range(2):
        watching.on_epoch_begin(epoch)
        for batch in (3, 7):  # four steps an execution; the second has data for one
            watching.on_train_batch_end(batch)
    assert [record["step"] for record in writer.records] == [10]


def test_thousands_of_classes_are_measured_by_their_neighbors_alone(writer):
    split = two_classes(2 * (MOST_CLASSES + 1))
    classes = split.labels.copy()
    classes[: MOST_CLASSES - 1] = 2 + np.arange(MOST_CLASSES - 1)  # dark images get a class of their own
    record = monitor(Split(split.images, classes), writer).measure(1)
    assert record["knn_accuracy"] > 0.45  # of the bright half
    assert "linear_accuracy" not in record


def test_the_monitor_agrees_with_the_measures_of_aag_evaluate():
    watching = monitor(two_classes(BANK_IMAGES + 2))
    assert (len(watching.bank), len(watching.queries)) == (BANK_IMAGES, QUERY_IMAGES)
    features = embed(watching.embedding, watching.queries.images)
    bank = embed(watching.embedding, watching.bank.images)
    record = watching.measure(1)
    truth = watching.queries.labels
    assert record["knn_accuracy"] == knn_accuracy(bank, watching.bank.labels, features, truth)
    assert record["effective_rank"] == rankme(features)
    assert record["feature_uniformity"] == uniformity(features)


def test_the_monitor_works_without_labels_with_one_class_and_with_few_images():
    split = two_classes()
    unlabeled = monitor(Split(split.images)).measure(1)
    assert set(unlabeled) == {"step", "effective_rank", "feature_uniformity", "embedding_spread", "monitor_seconds"}
    one_class = monitor(Split(split.images, split.labels * 0)).measure(1)
    assert set(one_class) == set(unlabeled)
    assert set(monitor(split.select(np.array([0]))).measure(1)) == {"step", "monitor_seconds"}
    few = split.select(np.array([0, 1, 2, 597, 598, 599]))  # fewer than the twenty neighbors that vote
    assert monitor(few).measure(1)["linear_accuracy"] == 1


def test_the_monitor_shows_a_collapse_and_survives_nan():
    collapsed = monitor(two_classes(), encoder=scaled_pixels(scale=0.0, offset=1.0)).measure(1)
    assert collapsed["effective_rank"] == pytest.approx(1, abs=1e-3)
    assert collapsed["feature_uniformity"] == pytest.approx(0, abs=1e-5)
    broken = monitor(two_classes(), encoder=scaled_pixels(scale=float("nan"))).measure(1)
    assert set(broken) == {"step", "monitor_seconds"}


def test_the_spread_of_embeddings_is_0_on_a_point_and_1_all_around():
    assert embedding_spread(np.tile([[1.0, 2.0]], (5, 1))) == pytest.approx(0.0, abs=1e-7)
    assert embedding_spread(np.array([[3.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])) == pytest.approx(1.0)
    assert embedding_spread(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(np.sqrt(0.5))


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


def test_classes_of_two_images_are_found_by_their_neighbors(writer, caplog):
    """With 20 votes it would be near 0, whatever the encoder does, and the best checkpoint would be a random one."""
    rng = np.random.default_rng(0)
    pixels = np.repeat(rng.integers(0, 250, (300, 2, 2, 1)), 2, axis=0) + rng.integers(0, 5, (600, 2, 2, 1))
    split = Split(ArrayImages(pixels.astype(np.uint8)), np.repeat(np.arange(300), 2))
    record = monitor(split, writer, encoder=scaled_pixels(offset=-1.25)).measure(1)
    assert record["knn_accuracy"] > 0.9
    assert "uses k=2 in place of 20" in caplog.text
