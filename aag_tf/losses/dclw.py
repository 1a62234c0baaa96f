"""Weights of positive pairs by their similarity: the W of DCLW.

Decoupled Contrastive Learning (Yeh et al. 2021, arXiv 2110.06848) also has a weighted loss, κ = 0 and

    loss(i, p) = -w(i, p) · s(i, p) + log Σ_n exp s(i, n),    w(i, p) = 2 - exp(cos(i, p) / σ) / E[ exp(cos / σ) ]

the *negative von Mises-Fisher weighting*: a pair that is farther apart than others weighs more, and the mean weight is
1. Only the positive is weighted, not the sum over negatives. The gradient passes through `w`, as in the public
implementations (raminnakhli/Decoupled-Contrastive-Learning, lightly).

The mean is over the images of the global batch, weighted as in the loss, for each ordered pair of views by itself: the
paper has one pair of views, and with several `aux_weight` alone shall say how much main and auxiliary ones count.
"""

import tensorflow as tf

from aag_tf.distribute.replicas import gather_replicas


def dclw_weights(cosine: tf.Tensor, image_weight: tf.Tensor, sigma: float) -> tf.Tensor:
    """Returns `w(i, p)`, at most 2 and possibly negative, with gradient.

    Args:
        cosine: `[b, V, V]`, cosine similarities of the views of this replica's images.
        image_weight: `[b]`, ≥ 0, the sample weights.
        sigma: σ > 0; smaller tells pairs apart more sharply.
    """
    exponents = cosine / sigma  # [b, V, V]
    all_exponents = gather_replicas(exponents)  # [B, V, V]
    all_weights = gather_replicas(image_weight)[:, None, None]  # [B, 1, 1]
    largest = tf.stop_gradient(tf.reduce_max(all_exponents, axis=0))  # [V, V]; it cancels, and avoids overflow
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(all_weights * tf.exp(all_exponents - largest), axis=0), tf.reduce_sum(all_weights)
    )
    return 2.0 - tf.math.divide_no_nan(tf.exp(exponents - largest), mean)
