"""Batches of training: their order from any step on, and how many are read ahead."""

import os
import time

import numpy as np
import pytest
import tensorflow as tf

from aag_tf.data import ArrayImages, epoch_order, evaluation_batches, pipeline, training_batches
from aag_tf.utils.errors import ConfigError


def numbered_images(count: int) -> ArrayImages:
    """Image `i` is the number `i` in a 1x1 picture, so that a batch tells which examples it holds."""
    return ArrayImages(np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1))


def collect(images, *, batch, seed=0, start=0, steps, transform=None):
    batches = training_batches(
        images, global_batch_size=batch, seed=seed, start_step=start, num_steps=steps, transform=transform
    )
    return list(batches.as_numpy_iterator())


def test_elements_are_typed_and_counted():
    batches = training_batches(numbered_images(10), global_batch_size=4, seed=0, start_step=3, num_steps=5)
    assert batches.element_spec == {
        "image": tf.TensorSpec((4, 1, 1, 1), tf.uint8),
        "step": tf.TensorSpec((4,), tf.int64),
        "row": tf.TensorSpec((4,), tf.int32),
    }
    assert batches.cardinality().numpy() == 5
    elements = list(batches.as_numpy_iterator())
    assert [element["step"].tolist() for element in elements] == [[step] * 4 for step in range(3, 8)]
    assert all(element["row"].tolist() == [0, 1, 2, 3] for element in elements)


@pytest.fixture(scope="module", params=[(2, 1, 0), (11, 4, 5), (12, 4, 99), (9, 9, 1), (40, 3, 2)], ids=str)
def run(request):
    """The batches of three epochs from step 0, with the number of images, the batch size and the seed."""
    count, batch, seed = request.param
    return *request.param, collect(numbered_images(count), batch=batch, seed=seed, steps=3 * (count // batch))


def test_batches_follow_the_order_of_each_epoch_which_visits_each_example_at_most_once(run):
    count, batch, seed, elements = run
    steps = count // batch
    for epoch in range(3):
        part = elements[epoch * steps : (epoch + 1) * steps]
        seen = np.concatenate([element["image"].ravel() for element in part])
        assert seen.tolist() == epoch_order(count, seed=seed, epoch=epoch)[: steps * batch].tolist()
        assert len(set(seen.tolist())) == steps * batch


@pytest.mark.parametrize("epochs", [0.5, 1, 1.7], ids=["first epoch", "border of epochs", "later epoch"])
def test_starting_anywhere_equals_skipping_there(run, epochs):
    count, batch, seed, elements = run
    start = int(epochs * (count // batch))
    started = collect(numbered_images(count), batch=batch, seed=seed, start=start, steps=len(elements) - start - 1)
    for left, right in zip(started, elements[start:-1], strict=True):
        for key in ("image", "step", "row"):
            np.testing.assert_array_equal(left[key], right[key])


def test_transform_in_parallel_keeps_order_and_values():
    def stamp(batch):
        # The noise depends on (step, row) only; the busy loop delays early batches, which shows if order is not kept.
        step = tf.cast(batch["step"][0], tf.int32)
        (loops,) = tf.while_loop(lambda i: i < (40 - step) * 50, lambda i: [i + 1], [0])
        noise = tf.random.stateless_uniform([3, 1, 1, 1], [step, 0])
        # The number of loops is part of the result, because TensorFlow drops operations that nothing uses.
        return {"views": tf.cast(batch["image"], tf.float32) + noise, "step": batch["step"], "loops": loops}

    first = collect(numbered_images(20), batch=3, steps=40, transform=stamp)
    second = collect(numbered_images(20), batch=3, steps=40, transform=stamp)
    assert [element["step"][0] for element in first] == list(range(40))
    for left, right in zip(first, second, strict=True):
        np.testing.assert_array_equal(left["views"], right["views"])


def test_replicas_get_parts_that_know_their_rows():
    images = numbered_images(12)
    batches = training_batches(images, global_batch_size=6, seed=1, start_step=0, num_steps=4)
    plain = list(batches.as_numpy_iterator())
    halves = list(batches.rebatch([3, 3]).as_numpy_iterator())
    for step, whole in enumerate(plain):
        for half in (0, 1):
            part = halves[2 * step + half]
            rows = part["row"]
            assert rows.tolist() == list(range(3 * half, 3 * half + 3))
            np.testing.assert_array_equal(part["image"], whole["image"][rows])


def test_too_few_images_for_a_batch():
    with pytest.raises(ConfigError, match="--global_batch_size=8 is more than the 5 training images; use 5 or less"):
        training_batches(numbered_images(5), global_batch_size=8, seed=0, start_step=0, num_steps=1)


class CountedImages(ArrayImages):
    """Counts the batches that are read."""

    count = 0

    def fetch(self, indices):
        def read(numbers):
            self.count += 1
            return np.zeros((len(numbers), 1, 1, 1), np.uint8)

        return tf.ensure_shape(tf.numpy_function(read, [indices], tf.uint8), [*indices.shape, 1, 1, 1])


@pytest.mark.parametrize(("size", "ahead"), [(1, 32), (2**20, 4), (2**30, 2)])
def test_few_batches_are_read_ahead(size, ahead, monkeypatch):
    """While a first step compiles, say: as many as fit into some memory, and what each thread works on."""
    images = CountedImages(np.zeros((1000, 1, 1, 1), np.uint8))
    monkeypatch.setattr(pipeline, "AHEAD_BYTES", pipeline.AHEAD_BYTES // size)
    batches = iter(training_batches(images, global_batch_size=1, seed=0, start_step=0, num_steps=1000))
    next(batches)
    before = 0
    while images.count > before:
        before = images.count
        time.sleep(1)
    assert ahead <= images.count <= 1 + ahead + 2 * os.cpu_count()


def test_evaluation_batches_keep_order_and_remainder():
    batches = evaluation_batches(numbered_images(10), 4)
    assert batches.element_spec == tf.TensorSpec((None, 1, 1, 1), tf.uint8)
    assert [batch.ravel().tolist() for batch in batches.as_numpy_iterator()] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches.cardinality().numpy() == 3
