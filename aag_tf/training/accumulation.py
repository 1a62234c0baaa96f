"""Gradients of a large batch in the memory of a small one, with the negatives of the large one.

A contrastive loss is no mean over examples: summing the gradients of micro-batches would take away each anchor's
negatives in the others. Cached representations (Gao, Zhang, Han, Callan 2021, arXiv 2101.06983, section 3.2) give the
gradient of the whole batch: project every micro-batch without keeping activations, differentiate the loss by the
projections, then project every micro-batch again and pull those gradients back through it.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aag_tf.distribute.replicas import num_replicas

Batch = dict[str, tf.Tensor]


def gradients_of(tape: tf.GradientTape, target: tf.Tensor, variables: list[Any], **more: Any) -> list[tf.Tensor]:
    """Gradients by Keras variables; zero for one that nothing uses, since replicas cannot add up what is not there."""
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(target, [variable.value for variable in variables], unconnected_gradients=zero, **more)


def micro_batch(batch: Batch, index: int | tf.Tensor, count: int) -> Batch:
    """Every `count`-th image of a batch, from the `index`-th on.

    Taken with a stride and not in blocks, micro-batch `index` of the global batch holds the same images however the
    batch is split over replicas, so that synchronized batch normalization sees the same sets.
    """
    return {name: tf.reshape(value, [-1, count, *value.shape[1:]])[:, index] for name, value in batch.items()}


def cached_projections(project: Callable[[Batch], tf.Tensor], batch: Batch, count: int) -> tf.Tensor:
    """The projections of a whole batch, computed one micro-batch after the other and without a gradient.

    What the layers would write while training (moving statistics) is discarded: the second pass writes it.

    Args:
        project: the images of a micro-batch to float32 `[images, views, dim]`.
        batch: tensors whose first axis runs over the replica's images.
        count: micro-batches; divides the images.

    Returns:
        float32 `[batch, views, dim]`, in the order of the batch.
    """

    def discarding(index: int | tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope():
            return tf.stop_gradient(project(micro_batch(batch, index, count)))

    first = discarding(0)
    parts = tf.TensorArray(first.dtype, count, element_shape=first.shape).write(0, first)
    (parts,) = _fold(lambda index, parts: (parts.write(index, discarding(index)),), (parts,), 1, count)
    return tf.reshape(tf.transpose(parts.stack(), [1, 0, 2, 3]), [-1, *first.shape[1:]])


def accumulated_gradients(
    project: Callable[[Batch], tf.Tensor],
    batch: Batch,
    projection_gradients: tf.Tensor,
    variables: list[Any],
    count: int,
) -> list[tf.Tensor]:
    """Pulls the gradient of a loss by the projections back to variables, one micro-batch after the other.

    Args:
        project: as for `cached_projections`, and the same random views must come out of it again.
        batch: as for `cached_projections`.
        projection_gradients: float32 `[batch, views, dim]`.
        variables: what to differentiate by.
        count: micro-batches.

    Returns:
        A gradient for each variable, summed over the micro-batches.
    """

    def pulled_back(index: int | tf.Tensor) -> list[tf.Tensor]:
        part = micro_batch({**batch, "gradient": projection_gradients}, index, count)
        gradient = part.pop("gradient")
        with tf.GradientTape() as tape:
            projections = project(part)
        return gradients_of(tape, projections, variables, output_gradients=gradient)

    def add(index: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(total + new for total, new in zip(sums, pulled_back(index), strict=True))

    return list(_fold(add, tuple(tf.zeros(variable.shape, variable.dtype) for variable in variables), 0, count))


def _fold(step: Callable[..., tuple[Any, ...]], state: tuple[Any, ...], start: int, stop: int) -> tuple[Any, ...]:
    """`state = step(index, *state)` for each index, one after the other so that activations are held once.

    A loop in the graph on one replica. Several replicas cannot communicate from inside one, so there the steps are
    written out, each held back until the one before it is done.
    """
    if num_replicas() == 1:
        return tf.while_loop(
            lambda index, *_: index < stop,
            lambda index, *state: (index + 1, *step(index, *state)),
            (tf.constant(start), *state),
            parallel_iterations=1,
        )[1:]
    for index in range(start, stop):
        with tf.control_dependencies([_as_tensor(value) for value in state]):
            state = step(index, *state)
    return state


def _as_tensor(value: Any) -> tf.Tensor:
    return value.flow if isinstance(value, tf.TensorArray) else value
