"""What one call from `fit` into TensorFlow does: steps, figures, and the clock around the wait for input."""

import tensorflow as tf

from aag_tf.train_function import DATA_WAIT, make_train_function


def _ancestors(operation: tf.Operation) -> set[tf.Operation]:
    """Everything that ends before `operation` starts."""
    found: set[tf.Operation] = set()
    waiting = [operation]
    while waiting:
        op = waiting.pop()
        before = {*op.control_inputs, *(tensor.op for tensor in op.inputs)} - found
        found |= before
        waiting += before
    return found


def test_the_wait_for_a_batch_is_read_from_the_clock_before_the_step_computes():
    batches = iter(tf.data.Dataset.from_tensors({"x": tf.ones([2])}).repeat())
    train = make_train_function(
        lambda batch: {"loss": tf.reduce_sum(batch["x"])},
        tf.distribute.get_strategy(),
        steps_per_execution=1,
        jit_compile=False,
    )
    figures = train(batches)
    assert float(figures["loss"]) == 2.0
    assert float(figures[DATA_WAIT]) >= 0.0
    operations = train.get_concrete_function(batches).graph.get_operations()
    (step,) = [op for op in operations if op.type in ("PartitionedCall", "StatefulPartitionedCall")]
    assert len([op for op in _ancestors(step) if op.type == "Timestamp"]) == 2
