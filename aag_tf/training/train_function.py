"""One call from `fit` into TensorFlow: takes batches, runs steps on all replicas, and times the wait for input."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Figures = dict[str, tf.Tensor]
DATA_WAIT = "data_wait_seconds"


def make_train_function(
    train_step: Callable[[Any], Figures],
    strategy: tf.distribute.Strategy,
    *,
    steps_per_execution: int,
    jit_compile: bool,
    prepare: Callable[[Any], Any] | None = None,
) -> Callable[[Any], Figures]:
    """A function from a distributed iterator to the figures of its last step, and the seconds waited in all of them.

    Instead of Keras's own, which averages figures over replicas and workers although they are equal there, and which
    cannot tell a step that computes from one that waits for its batch.

    Args:
        train_step: one replica's batch to figures that are the same on every replica.
        strategy: what runs it.
        steps_per_execution: steps in one call, less where the data ends before.
        jit_compile: whether XLA compiles a step.
        prepare: one replica's batch to what `train_step` takes instead of it, outside of what is compiled.
    """

    @tf.autograph.experimental.do_not_convert
    def run(batch: Any) -> Figures:
        return {
            name: strategy.experimental_local_results(value)[0]
            for name, value in strategy.run(train_step, args=(batch,)).items()
        }

    run_compiled = tf.function(run, reduce_retracing=True, jit_compile=jit_compile)

    def step(began: tf.Tensor, next_batch: Callable[[], Any]) -> Figures:
        with tf.control_dependencies([began]):
            batch = next_batch()
        arrived = [part for value in batch.values() for part in strategy.experimental_local_results(value)]
        with tf.control_dependencies(arrived):
            waited = tf.timestamp() - began
        # Without this a machine with few threads computes before it looks at the clock.
        with tf.control_dependencies([waited]):
            if prepare is not None:
                batch = strategy.run(prepare, args=(batch,))
            return {**run_compiled(batch), DATA_WAIT: waited}

    @tf.autograph.experimental.do_not_convert
    def execution(iterator: Any) -> Figures:
        figures = step(tf.timestamp(), iterator.get_next)  # tells Keras by an error that the data has ended
        if steps_per_execution == 1:
            return figures

        def another(index: tf.Tensor, figures: Figures) -> tuple[tf.Tensor, Figures]:
            began = tf.timestamp()
            with tf.control_dependencies([began]):  # the wait is here: to know that there is a batch is to have it
                following = iterator.get_next_as_optional()

            def go_on() -> Figures:
                new = step(began, following.get_value)
                return {**new, DATA_WAIT: figures[DATA_WAIT] + new[DATA_WAIT]}

            return index + 1, tf.cond(following.has_value(), go_on, lambda: figures)

        return tf.while_loop(
            lambda index, _: index < steps_per_execution,
            another,
            (tf.constant(1), figures),
            parallel_iterations=1,
        )[1]

    return tf.function(execution, reduce_retracing=True)
