"""What one replica needs to know of the others: their tensors, and where its own rows stand among them.

Outside a distribution strategy, and under one with a single replica, every function is the identity.
"""

from typing import Any

import tensorflow as tf


def _replica_context() -> tf.distribute.ReplicaContext | None:
    """The context to communicate in, or `None` where there is nobody to communicate with."""
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def num_replicas() -> int:
    """Replicas that run this code in step; 1 outside a strategy and in cross-replica context."""
    context = _replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def gather_replicas(tensor: tf.Tensor) -> tf.Tensor:
    """Concatenates the replicas' tensors along axis 0, in the order of their ids, the same on every replica.

    Input: `[n, ...]` of any dtype, where `n` may differ between replicas. Output: `[sum of n, ...]`.
    Differentiable: the gradient of a replica's slice is summed over all replicas. Every replica must call it, and
    outside of `tf.while_loop` and `tf.cond`, since it communicates.
    """
    context = _replica_context()
    if context is None:
        return tensor
    # In a graph `all_gather` forgets every static dimension, not only the first.
    return tf.ensure_shape(context.all_gather(tensor, axis=0), [None, *tensor.shape[1:]])


def sum_replicas(tensors: Any) -> Any:
    """Sums a tensor, or each tensor of a list, over the replicas; a list travels in one communication."""
    context = _replica_context()
    return tensors if context is None else context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def first_row(rows: tf.Tensor) -> tf.Tensor:
    """The int32 position of this replica's first row in `gather_replicas(tensor)`, given its number of rows."""
    context = _replica_context()
    if context is None:
        return tf.constant(0)
    counts = context.all_gather(tf.reshape(rows, [1]), axis=0)
    return tf.cumsum(counts, exclusive=True)[context.replica_id_in_sync_group]
