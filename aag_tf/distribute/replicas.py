"""Communication between replicas: their tensors, sums, and the position of a replica's own rows.

Outside of a distribution strategy, and with a single replica, nothing is communicated.
"""

from typing import Any

import tensorflow as tf


def _replica_context() -> tf.distribute.ReplicaContext | None:
    """Returns the context to communicate in, or `None` if there is only one replica."""
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def num_replicas() -> int:
    """Number of replicas that run this code together; 1 outside of a strategy and in cross-replica context."""
    context = _replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def gather_replicas(tensor: tf.Tensor) -> tf.Tensor:
    """Concatenates the replicas' tensors along axis 0, in the order of their ids, the same on every replica.

    Input: `[n, ...]` of any dtype, where `n` may differ between replicas. Output: `[sum of n, ...]`.
    Differentiable: the gradient of a replica's slice is summed over all replicas. Every replica must call it, outside
    of `tf.while_loop` and `tf.cond`, because it communicates.
    """
    context = _replica_context()
    if context is None:
        return tensor
    # In a graph `all_gather` loses every static dimension, not only the first.
    return tf.ensure_shape(context.all_gather(tensor, axis=0), [None, *tensor.shape[1:]])


def sum_replicas(tensors: Any) -> Any:
    """Sums a tensor, or each tensor of a list, over the replicas; a list takes one communication."""
    context = _replica_context()
    return tensors if context is None else context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def first_row(rows: tf.Tensor) -> tf.Tensor:
    """Returns the int32 position of this replica's first row in `gather_replicas(tensor)`, given its number of rows."""
    context = _replica_context()
    if context is None:
        return tf.constant(0)
    counts = context.all_gather(tf.reshape(rows, [1]), axis=0)
    return tf.cumsum(counts, exclusive=True)[context.replica_id_in_sync_group]
