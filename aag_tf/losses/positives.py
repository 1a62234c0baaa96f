"""The positives of an anchor in the loss: each in a softmax of its own, or all in one.

For an anchor `i` with positives `p ∈ P(i)`, similarities `s`, and `n(i) = log Σ_{n ∈ N(i)} exp s(i, n)`:

    D(i)              = κ · Σ_{p ∈ P(i)} r_p · exp s(i, p) + exp n(i)
    pairs  loss(i, p) = -s(i, p) + log( κ · exp s(i, p) + exp n(i) )
    out    loss(i, p) = -s(i, p) + log D(i)
    in     loss(i)    = -log( Σ_{p ∈ P(i)} r_p · exp s(i, p) / Σ_{p ∈ P(i)} r_p ) + log D(i)

`r_p` is the weight of a positive's view, 1 or `aux_weight`, so that a view of weight 2 counts like two views and one of
weight 0 is no positive. With κ = 1 and all weights 1, `out` and `in` are the two losses of *Supervised Contrastive
Learning* (Khosla et al. 2020, arXiv 2004.11362, equations 2 and 3), where the positives are the views of one image. κ
is ours: there it is 1. For two views all three are the same, and at κ = 0 `out` is `pairs`.
"""

import math

import tensorflow as tf


def log_losses(
    similarities: tf.Tensor, negatives: tf.Tensor, *, view_weight: tf.Tensor, coupling: float, positives: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the logarithm of what is pulled up, and the loss, for every pair or for every anchor.

    Args:
        similarities: `[b, V, V]`, `s(i, p)` between the views of each image; the diagonal counts for nothing.
        negatives: `[b, V]`, `n(i)`.
        view_weight: `[V]`, `r`.
        coupling: κ in [0, 1].
        positives: `pairs`, `out` or `in`.

    Returns:
        Log-numerators, `s(i, p)` or that of the mean over positives, and losses: `[b, V, V]` each (for `pairs` and
        `out`), or `[b, V, 1]` (for `in`).
    """
    if positives == "pairs":
        return similarities, pair_losses(negatives[:, :, None] - similarities, coupling)
    log_sum = log_sum_positives(similarities, view_weight)[:, :, None]  # [b, V, 1], log Σ_p r_p · exp s(i, p)
    losses = pair_losses(negatives[:, :, None] - log_sum, coupling)  # [b, V, 1], log D(i) - log Σ_p r_p · exp s(i, p)
    if positives == "out":
        return similarities, losses + (log_sum - similarities)
    log_total = tf.math.log(tf.reduce_sum(_weights_of_others(view_weight), axis=-1))[:, None]  # [V, 1], log Σ_p r_p
    return log_sum - log_total, losses + log_total


def log_sum_positives(similarities: tf.Tensor, view_weight: tf.Tensor) -> tf.Tensor:
    """Returns `log Σ_p r_p · exp s(i, p)` over the other views of the same image, `[b, V]`."""
    return tf.reduce_logsumexp(similarities + tf.math.log(_weights_of_others(view_weight)), axis=-1)


def _weights_of_others(view_weight: tf.Tensor) -> tf.Tensor:
    """`r_p` in the columns `p` of `[V, V]`, and 0 for a view with itself."""
    return tf.linalg.set_diag(tf.ones_like(view_weight)[:, None] * view_weight, tf.zeros_like(view_weight))


def pair_losses(margin: tf.Tensor, coupling: float) -> tf.Tensor:
    """`loss(i, p) = log(κ + exp(margin))` without overflow, from `margin = log Σ_n exp s(i, n) - s(i, p)`."""
    if coupling == 0.0:
        return margin
    # Start from the larger term: otherwise rounding would lose a small coupling or a solved pair.
    log_k = math.log(coupling)
    return tf.where(margin > log_k, margin + tf.math.softplus(log_k - margin), log_k + tf.math.softplus(margin - log_k))
