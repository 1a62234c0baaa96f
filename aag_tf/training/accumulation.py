"""Gradients of a large batch in the memory of a small one, with the negatives of the large one.

A contrastive loss is not a mean over examples: summing the gradients of micro-batches would lose the negatives in other
micro-batches. Cached representations (Gao, Zhang, Han, Callan 2021, arXiv 2101.06983, section 3.2) give the gradient of
the whole batch: project every micro-batch without keeping activations, differentiate the loss with respect to the
projections, then project every micro-batch again and backpropagate these upstream gradients.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aag_tf.distribute.replicas import num_replicas

Batch = dict[str, Any]  # tensors, or tuples of them


def gradients_of(tape: tf.GradientTape, target: tf.Tensor, variables: list[Any], **more: Any) -> list[tf.Tensor]:
    """Returns gradients with respect to Keras variables, zeros for unused ones, since replicas cannot sum `None`."""
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(target, [variable.value for variable in variables], unconnected_gradients=zero, **more)


def micro_batch(batch: Batch, index: int | tf.Tensor, count: int) -> Batch:
    """Returns every `count`-th image of a batch, from the `index`-th on.

    With a stride, unlike with blocks, micro-batch `index` of the global batch has the same images however the batch is
    split over replicas, so that synchronized batch normalization sees the same sets.
    """
    return tf.nest.map_structure(lambda value: tf.reshape(value, [-1, count, *value.shape[1:]])[:, index], batch)


def cached_projections(project: Callable[[Batch], tf.Tensor], batch: Batch, count: int) -> tf.Tensor:
    """Projects a whole batch, one micro-batch after the other and without a gradient.

    Updates of layers (moving statistics) are discarded; the second pass makes them.

    Args:
        project: maps a micro-batch to projections, float32 `[images, views, dim]`.
        batch: tensors whose first axis runs over the replica's images.
        count: number of micro-batches; divides the number of images.

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
    """Backpropagates the upstream gradient of the projections to variables, one micro-batch after the other.

    Args:
        project: as for `cached_projections`; must draw the same random views again.
        batch: as for `cached_projections`.
        projection_gradients: upstream gradient, float32 `[batch, views, dim]`.
        variables: what to differentiate with respect to.
        count: number of micro-batches.

    Returns:
        The gradient of each variable, summed over the micro-batches.
    """

    def backpropagated(index: int | tf.Tensor) -> list[tf.Tensor]:
        part = micro_batch({**batch, "gradient": projection_gradients}, index, count)
        gradient = part.pop("gradient")
        with tf.GradientTape() as tape:
            projections = project(part)
        return gradients_of(tape, projections, variables, output_gradients=gradient)

    def add(index: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(total + new for total, new in zip(sums, backpropagated(index), strict=True))

    return list(_fold(add, tuple(tf.zeros(variable.shape, variable.dtype) for variable in variables), 0, count))


def _fold(step: Callable[..., tuple[Any, ...]], state: tuple[Any, ...], start: int, stop: int) -> tuple[Any, ...]:
    """Computes `state = step(index, *state)` for each index in turn, so that one set of activations is in memory.

    On one replica this is a loop in the graph. Several replicas cannot communicate from inside a loop; there the steps
    are unrolled, each with a control dependency on the one before.
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
