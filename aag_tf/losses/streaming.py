"""The expensive part of GNT-Xent: for every anchor, the log-sum-exp of its similarities to all negatives.

With scaled projections `u = z / sqrt(τ)`, so that `s(i, k) = u_i · u_k`, this is

    n(i) = log Σ_{k ∈ N(i)} exp s(i, k)

The gradient relies on one identity: `s` is symmetric, so that the row of anchor `u_i` also contains the similarities in
which `u_i` is a negative. For an upstream gradient `g`,

    dn/du_i = Σ_k [ g_i · exp(s(i, k) - n(i)) + g_k · exp(s(i, k) - n(k)) ] · u_k .

Rows of the similarity matrix therefore give the whole gradient of their own projections from `n` and `g` alone: the
streaming form computes each block of rows twice and stores none, and a replica computes only the rows of its own
images. Both exponents are at most zero at any temperature. The gradient of the temperature follows by the chain rule
through `u`.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from aag_tf.distribute.replicas import first_row, gather_replicas

BLOCK_ELEMENTS = 2**22  # similarities in one block: 16 MiB in float32, about a last-level cache
MOST_PARTS = 64  # blocks in the dense form, because each adds operations to the graph

Size = Any  # an int if it is static, else an int32 scalar


def _size(tensor: tf.Tensor) -> Size:
    """Length of axis 0, as an int if it is static, because XLA needs static shapes."""
    return tensor.shape[0] if tensor.shape[0] is not None else tf.shape(tensor)[0]


def _flat(views: tf.Tensor) -> tf.Tensor:
    """Reshapes `[n, m, ...]` to `[n * m, ...]`."""
    return tf.reshape(views, tf.concat([[-1], tf.shape(views)[2:]], axis=0))


def _similarities(rows: tf.Tensor, images: tf.Tensor, all_projections: tf.Tensor) -> tf.Tensor:
    """Returns `s(i, k)`, with -inf if both are views of one image.

    Args:
        rows: `[m, V, dim]`.
        images: int32 `[m]`, positions of the rows' images in `all_projections`.
        all_projections: `[B, V, dim]`.

    Returns:
        `[m * V, B * V]`.
    """
    num_views = rows.shape[1]
    similarity = tf.matmul(_flat(rows), _flat(all_projections), transpose_b=True)
    row = tf.reshape(tf.range(_size(rows) * num_views), [-1, num_views, 1])
    column = images[:, None, None] * num_views + tf.range(num_views)
    own = tf.reshape(tf.stack([row + tf.zeros_like(column), column + tf.zeros_like(row)], axis=-1), [-1, 2])
    # V entries per row: writing these costs less than comparing and selecting over the whole block.
    return tf.tensor_scatter_nd_update(similarity, own, tf.fill(tf.shape(own)[:1], _minus_infinity(similarity.dtype)))


def _minus_infinity(dtype: tf.DType) -> tf.Tensor:
    return tf.constant(float("-inf"), dtype)


def _excluded(negative_views: int, num_views: int, num_images: Size, dtype: tf.DType) -> tf.Tensor | None:
    """Returns what to add to columns (or rows) of similarities: -inf for excluded views; `None` if none is."""
    if negative_views == num_views:
        return None
    views = tf.where(tf.range(num_views) < negative_views, tf.zeros([], dtype), _minus_infinity(dtype))
    return tf.tile(views, [num_images])


def negatives_log_sum_exp(scaled: tf.Tensor, *, negative_views: int | None = None, keep: bool = False) -> tf.Tensor:
    """Returns `n(i)` of this replica's views against all other images of the global batch, with analytic gradient.

    The gradient is that of the sum over replicas with respect to this replica's projections, so that gradients of
    shared weights are exact after they are summed over replicas. There is no second derivative.

    Args:
        scaled: float32 or float64 `[b, V, dim]`, this replica's projections divided by the root of the temperature.
        negative_views: number of views, from the first, that are negatives; all by default.
        keep: keep the similarities for the gradient (dense form) instead of computing them again.

    Returns:
        `[b, V]` in the dtype of `scaled`. Memory is `O(b·B·V²)` with `keep`, else
        `O(B·V·dim)` and one block of `BLOCK_ELEMENTS`, or of one image's rows where those are longer.
    """
    num_views, dtype = scaled.shape[1], scaled.dtype
    negative_views = negative_views or num_views

    @tf.custom_gradient
    def log_sum_exp(local: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        all_projections = gather_replicas(local)
        count, total = _size(local), _size(all_projections)
        first = first_row(tf.shape(local)[0])

        def computed(images: tf.Tensor) -> tf.Tensor:
            return _similarities(tf.gather(local, images), images + first, all_projections)

        block = _images_per_block(total, num_views)
        parts = _parts(count, block) if keep else []
        kept = [computed(images) for images in parts]

        def by_blocks(function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
            if keep:
                return tf.concat([function(*part) for part in zip(parts, kept, strict=True)], axis=0)
            return _map_blocks(lambda images: function(images, computed(images)), count, block, dtype)

        def forward(images: tf.Tensor, similarity: tf.Tensor) -> tf.Tensor:
            excluded = _excluded(negative_views, num_views, total, dtype)
            similarity = similarity if excluded is None else similarity + excluded
            return tf.reshape(tf.reduce_logsumexp(similarity, axis=1), [-1, num_views])

        values = by_blocks(forward)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            values_of_all = tf.reshape(gather_replicas(values), [-1])
            upstream_of_all = tf.reshape(gather_replicas(upstream), [-1])

            def backward(images: tf.Tensor, similarity: tf.Tensor) -> tf.Tensor:
                value = tf.reshape(tf.gather(values, images), [-1, 1])
                of_rows = tf.reshape(tf.gather(upstream, images), [-1, 1])
                as_anchor, as_negative = similarity - value, similarity - values_of_all
                columns = _excluded(negative_views, num_views, total, dtype)
                rows = _excluded(negative_views, num_views, _size(images), dtype)
                if columns is not None and rows is not None:
                    as_anchor += columns
                    as_negative += rows[:, None]
                weights = tf.exp(as_anchor) * of_rows + tf.exp(as_negative) * upstream_of_all
                return tf.reshape(tf.matmul(weights, _flat(all_projections)), [-1, *local.shape[1:]])

            return by_blocks(backward)

        return values, gradient

    return log_sum_exp(scaled)


def _images_per_block(num_images: Size, num_views: int) -> Size:
    """Number of images whose rows of the similarity matrix fill a block; at least one."""
    images = BLOCK_ELEMENTS // (num_views * num_views * num_images)
    return max(1, images) if isinstance(images, int) else tf.maximum(1, images)


def _parts(count: Size, block: Size) -> list[tf.Tensor]:
    """Splits the positions `0 .. count - 1` into at most `MOST_PARTS` blocks; into one if `count` is not static.

    Blocks that fit into the cache are faster than the whole matrix, although all of them are kept.
    """
    if not (isinstance(count, int) and isinstance(block, int)):
        return [tf.range(count)]
    block = max(block, -(-count // MOST_PARTS))
    return [tf.range(first, min(first + block, count)) for first in range(0, count, block)]


def _map_blocks(function: Callable[[tf.Tensor], tf.Tensor], count: Size, block: Size, dtype: tf.DType) -> tf.Tensor:
    """Applies `function` to the positions `0 .. count - 1`, `block` at a time, and concatenates along axis 0.

    All blocks have the same size, as XLA requires: the last ones repeat the last image, and the surplus is cut off.
    """
    blocks = -(-count // block)
    if isinstance(blocks, int) and blocks <= 1:
        return function(tf.range(count))
    block = -(-count // blocks)  # balanced, so that the surplus is less than one image per block
    images = tf.reshape(tf.minimum(tf.range(blocks * block), count - 1), [blocks, block])
    # One block at a time; by default ten iterations would hold their blocks in memory.
    stacked = tf.map_fn(function, images, parallel_iterations=1, fn_output_signature=dtype)
    return _flat(stacked)[:count]
