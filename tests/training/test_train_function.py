"""One call from `fit` into TensorFlow: its steps, its metrics, and the time spent waiting for input."""

import time

import pytest
import tensorflow as tf

from aag_tf.training.train_function import DATA_WAIT, make_train_function


def _ancestors(operation: tf.Operation) -> set[tf.Operation]:
    """Returns all operations that end before `operation` starts."""
    found: set[tf.Operation] = set()
    waiting = [operation]
    while waiting:
        op = waiting.pop()
        before = {*op.control_inputs, *(tensor.op for tensor in op.inputs)} - found
        found |= before
        waiting += before
    return found


def test_a_call_runs_its_steps_or_the_remaining_ones_and_adds_up_their_waits():
    delays = [0.0, 0.1, 0.1, 0.0, 0.0]

    def late():
        for number, delay in enumerate(delays):
            time.sleep(delay)
            yield {"x": float(number)}

    batches = iter(tf.data.Dataset.from_generator(late, output_signature={"x": tf.TensorSpec([])}))
    done = tf.Variable(0)

    def step(batch):
        return {"x": batch["x"], "steps": done.assign_add(1)}

    train = make_train_function(step, tf.distribute.get_strategy(), steps_per_execution=3, jit_compile=False)
    metrics = train(batches)
    assert (float(metrics["x"]), int(metrics["steps"])) == (2.0, 3)
    assert float(metrics[DATA_WAIT]) > 0.9 * sum(delays)  # by another clock than that of `sleep`
    metrics = train(batches)
    assert (float(metrics["x"]), int(metrics["steps"])) == (4.0, 5)
    with pytest.raises(tf.errors.OutOfRangeError):
        train(batches)
    assert int(done) == 5


def test_xla_compiles_the_step_and_not_the_preparation_of_its_batch():
    def by_text(batch):  # which XLA cannot compile
        return {"x": 10.0 * tf.strings.to_number(tf.strings.as_string(batch["x"]))}

    def metrics(step, **settings):
        batches = iter(tf.data.Dataset.from_tensors({"x": tf.constant(2.0)}))
        strategy = tf.distribute.get_strategy()
        return make_train_function(step, strategy, steps_per_execution=1, **settings)(batches)

    def plain(batch):
        return {"x": batch["x"] + 1.0}

    assert float(metrics(plain, jit_compile=True, prepare=by_text)["x"]) == 21.0
    assert float(metrics(by_text, jit_compile=False)["x"]) == 20.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="AsString"):
        metrics(by_text, jit_compile=True)


def test_the_wait_for_a_batch_is_read_from_the_clock_before_the_step_computes():
    batches = iter(tf.data.Dataset.from_tensors({"x": tf.ones([2])}).repeat())
    train = make_train_function(
        lambda batch: {"loss": tf.reduce_sum(batch["x"])},
        tf.distribute.get_strategy(),
        steps_per_execution=1,
        jit_compile=False,
    )
    metrics = train(batches)
    assert float(metrics["loss"]) == 2.0
    assert float(metrics[DATA_WAIT]) >= 0.0
    operations = train.get_concrete_function(batches).graph.get_operations()
    (step,) = [op for op in operations if op.type in ("PartitionedCall", "StatefulPartitionedCall")]
    assert len([op for op in _ancestors(step) if op.type == "Timestamp"]) == 2
