"""The train function that `fit` calls: runs steps on all replicas and times the wait for input."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from aag_tf.training.step_counter import StepCounter

Metrics = dict[str, tf.Tensor]
DATA_WAIT = "data_wait_seconds"


def make_train_function(
    train_step: Callable[[Any], Metrics],
    strategy: tf.distribute.Strategy,
    *,
    steps_per_execution: int,
    jit_compile: bool,
    prepare: Callable[[Any], Any] | None = None,
    counter: StepCounter | None = None,
) -> Callable[[Any], Metrics]:
    """Returns a function from a distributed iterator to the metrics of the last step and the seconds waited for data.

    It replaces Keras's own, which averages metrics over replicas and workers although they are equal there, and which
    cannot tell computing from waiting for a batch.

    Args:
        train_step: maps one replica's batch to metrics that are the same on every replica.
        strategy: runs the steps.
        steps_per_execution: steps in one call; fewer where the data ends.
        jit_compile: whether XLA compiles a step.
        prepare: maps one replica's batch to the argument of `train_step`, outside of the compiled step.
        counter: counts the steps.
    """
    counter = counter or StepCounter()
    counter.reset()  # outside of what is compiled

    @tf.autograph.experimental.do_not_convert
    def run(batch: Any) -> Metrics:
        return {
            name: strategy.experimental_local_results(value)[0]
            for name, value in strategy.run(train_step, args=(batch,)).items()
        }

    run_compiled = tf.function(run, reduce_retracing=True, jit_compile=jit_compile)

    def step(began: tf.Tensor, next_batch: Callable[[], Any]) -> Metrics:
        with tf.control_dependencies([began]):
            batch = next_batch()
        arrived = [part for value in tf.nest.flatten(batch) for part in strategy.experimental_local_results(value)]
        with tf.control_dependencies(arrived):
            waited = tf.timestamp() - began
            begun = counter.count_begun()
        # Without this dependency a machine with few threads computes before it reads the clock.
        with tf.control_dependencies([waited, begun]):
            if prepare is not None:
                batch = strategy.run(prepare, args=(batch,))
            metrics = run_compiled(batch)
        with tf.control_dependencies(list(metrics.values())):
            counter.count_done()
        return {**metrics, DATA_WAIT: waited}

    @tf.autograph.experimental.do_not_convert
    def execution(iterator: Any) -> Metrics:
        metrics = step(tf.timestamp(), iterator.get_next)  # raises OutOfRange at the end of the data, as Keras expects
        if steps_per_execution == 1:
            return metrics

        def another(index: tf.Tensor, metrics: Metrics) -> tuple[tf.Tensor, Metrics]:
            began = tf.timestamp()
            with tf.control_dependencies([began]):  # the wait for the batch is here
                following = iterator.get_next_as_optional()

            def go_on() -> Metrics:
                new = step(began, following.get_value)
                return {**new, DATA_WAIT: metrics[DATA_WAIT] + new[DATA_WAIT]}

            return index + 1, tf.cond(following.has_value(), go_on, lambda: metrics)

        return tf.while_loop(
            lambda index, _: index < steps_per_execution,
            another,
            (tf.constant(1), metrics),
            parallel_iterations=1,
        )[1]

    return tf.function(execution, reduce_retracing=True)
