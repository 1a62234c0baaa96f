import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aag_tf.data import ArrayImages, epoch_order, evaluation_batches, training_batches
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


def test_batches_follow_the_order_of_each_epoch():
    elements = collect(numbered_images(11), batch=4, seed=5, steps=6)
    for step, element in enumerate(elements):
        offset = step % 2 * 4
        expected = epoch_order(11, seed=5, epoch=step // 2)[offset : offset + 4]
        assert element["image"].ravel().tolist() == expected.tolist()


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_epoch_visits_each_example_at_most_once(data):
    count = data.draw(st.integers(2, 40))
    batch = data.draw(st.integers(1, count))
    steps_per_epoch = count // batch
    elements = collect(
        numbered_images(count), batch=batch, seed=data.draw(st.integers(0, 99)), steps=2 * steps_per_epoch
    )
    for epoch in range(2):
        part = elements[epoch * steps_per_epoch : (epoch + 1) * steps_per_epoch]
        seen = np.concatenate([element["image"].ravel() for element in part])
        assert len(set(seen.tolist())) == len(seen) == steps_per_epoch * batch


@settings(max_examples=12, deadline=None)
@given(st.integers(4, 30), st.integers(1, 4), st.integers(0, 40), st.integers(0, 12))
def test_starting_anywhere_equals_skipping_there(count, batch, start, steps):
    images = numbered_images(count)
    skipped = collect(images, batch=batch, steps=start + steps)[start:]
    started = collect(images, batch=batch, start=start, steps=steps)
    assert len(started) == len(skipped) == steps
    for left, right in zip(started, skipped, strict=True):
        for key in ("image", "step", "row"):
            np.testing.assert_array_equal(left[key], right[key])


def test_transform_in_parallel_keeps_order_and_values():
    def stamp(batch):
        # The noise depends on (step, row) only; the busy loop makes early batches late ones if order is not kept.
        step = tf.cast(batch["step"][0], tf.int32)
        (loops,) = tf.while_loop(lambda i: i < (40 - step) * 50, lambda i: [i + 1], [0])
        noise = tf.random.stateless_uniform([3, 1, 1, 1], [step, 0])
        # The number of loops is part of the result, since TensorFlow leaves out what nothing needs.
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


def test_evaluation_batches_keep_order_and_remainder():
    batches = evaluation_batches(numbered_images(10), 4)
    assert batches.element_spec == tf.TensorSpec((None, 1, 1, 1), tf.uint8)
    assert [batch.ravel().tolist() for batch in batches.as_numpy_iterator()] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches.cardinality().numpy() == 3
