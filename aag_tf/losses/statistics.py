"""Statistics of a batch to monitor beside the contrastive loss; they have no gradient."""

import math

import tensorflow as tf

from aag_tf.config import MAIN_VIEWS, LossConfig
from aag_tf.distribute.replicas import gather_replicas
from aag_tf.losses.gnt_xent import view_weights
from aag_tf.losses.normalization import normalize
from aag_tf.losses.positives import log_sum_positives
from aag_tf.losses.temperature import Temperature, as_temperature

# Most similarities to compute: in a huge batch only the first images are anchors, but all are negatives.
ELEMENTS = 2**22


def contrastive_statistics(
    projections: tf.Tensor,
    *,
    temperature: Temperature,
    coupling: float,
    aux_weight: float = LossConfig.aux_weight,
    aux_negatives: bool = LossConfig.aux_negatives,
    positives: str = LossConfig.positives,
) -> dict[str, tf.Tensor]:
    """Returns statistics of the global batch, the same on every replica; the anchors are main views.

    - `contrastive_accuracy`: share of images whose view 0 is nearer to their own view 1 than to any other, in [0, 1].
    - `positive_similarity`, `negative_similarity`: mean cosine similarity of the main views of one image, and of main
      views of two images, in [-1, 1].
    - `alignment`: mean squared distance of the two main views; `uniformity`: log of the mean of `exp(-2 d²)` over pairs
      of images, averaged over both main views (Wang and Isola 2020, section 4.1; lower is better for both).
    - `positive_pull`, `positive_pull_std`: mean and standard deviation of the weight of a main pair in the gradient,
      `1 - κ·exp s(i, p) / (κ·exp s(i, p) + Σ_n exp s(i, n))`; 1 and 0 at κ = 0, and near 0 at κ = 1 once a batch is
      solved. With `positives` `out` or `in`, that of all positives of an anchor together, with their sum in place of
      the pair's term: how much the loss falls if all of them come nearer. Always that of the logarithmic loss, without
      the weights of DCLW, whose mean is 1, and the factors of RINCE.
    - `effective_negatives`: perplexity of an anchor's softmax over its negatives, from 1 (one hard negative) to their
      number (all alike).

    Args:
        projections: `[batch, views, dim]` of this replica, as for `gnt_xent`; two or more images over all replicas.
        temperature: τ > 0.
        coupling: κ in [0, 1].
        aux_weight: weight of an auxiliary view, as for `gnt_xent`.
        aux_negatives: whether auxiliary views are negatives, as for `gnt_xent`.
        positives: `pairs`, `out` or `in`, as for `gnt_xent`.

    Returns:
        float32 scalars by name.
    """
    all_views = normalize(gather_replicas(tf.stop_gradient(tf.cast(projections, tf.float32))))  # [B, V, dim]
    all_projections = all_views if aux_negatives else all_views[:, :MAIN_VIEWS]
    temperature = tf.stop_gradient(as_temperature(temperature, tf.float32))
    images, views = tf.shape(all_projections)[0], all_projections.shape[1]
    anchors = tf.clip_by_value(ELEMENTS // (MAIN_VIEWS * views * images), 1, images)

    rows = tf.transpose(all_projections[:anchors, :MAIN_VIEWS], [1, 0, 2])  # [2, m, dim], main views of the anchors
    cosine = tf.einsum("umd,bvd->umvb", rows, all_projections)  # [2, m, V, B]
    positive = tf.reduce_sum(rows[0] * rows[1], axis=-1)  # [m]
    own = tf.eye(anchors, images, dtype=tf.float32)  # [m, B]

    logits = tf.where(own[:, None] > 0, -math.inf, cosine / temperature)
    log_sum = tf.reduce_logsumexp(logits, axis=[2, 3])  # [2, m]
    positive_term = positive / temperature  # [m], or [2, m]
    if positives != "pairs":
        own_views = all_views[:anchors]
        similarities = tf.matmul(own_views, own_views, transpose_b=True) / temperature  # [m, V, V]
        weights = view_weights(own_views.shape[1], aux_weight, tf.float32)
        positive_term = tf.transpose(log_sum_positives(similarities, weights)[:, :MAIN_VIEWS])
    upstream = _upstream_gradient(log_sum - positive_term, coupling)
    return {
        "contrastive_accuracy": tf.reduce_mean(
            tf.cast(tf.argmax(cosine[0, :, 1], axis=-1, output_type=tf.int32) == tf.range(anchors), tf.float32)
        ),
        "positive_similarity": tf.reduce_mean(positive),
        "negative_similarity": _mean_of_others(cosine[:, :, :MAIN_VIEWS], own),
        "alignment": tf.reduce_mean(2.0 - 2.0 * positive),
        "uniformity": _uniformity(cosine, own),
        "positive_pull": tf.reduce_mean(upstream),
        "positive_pull_std": tf.math.reduce_std(upstream),
        "effective_negatives": tf.reduce_mean(_perplexity(logits, log_sum)),
    }


def _upstream_gradient(margin: tf.Tensor, coupling: float) -> tf.Tensor:
    """Derivative of a pair's loss by its `margin = n - s`: `1 - κ e^s / (κ e^s + e^n)`."""
    return tf.ones_like(margin) if coupling == 0.0 else tf.sigmoid(margin - math.log(coupling))


def _mean_of_others(values: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Mean of `[..., m, v, B]` over pairs of different images; `own` `[m, B]` marks the others."""
    others = tf.broadcast_to((1.0 - own)[:, None], tf.shape(values))
    return tf.reduce_sum(values * others) / tf.reduce_sum(others)


def _uniformity(cosine: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Log of the mean of `exp(-2 d²)`, which on the unit sphere is `exp(4 cos - 4)`."""
    nearness = tf.exp(4.0 * cosine - 4.0)
    return (
        tf.math.log(_mean_of_others(nearness[0, :, :1], own)) + tf.math.log(_mean_of_others(nearness[1, :, 1:2], own))
    ) / 2.0


def _perplexity(logits: tf.Tensor, log_sum: tf.Tensor) -> tf.Tensor:
    """Returns `exp(entropy)` of the softmax of `[2, m, V, B]` over its last two axes; `log_sum` is `[2, m]`."""
    log_probability = logits - log_sum[:, :, None, None]
    return tf.exp(-tf.reduce_sum(tf.math.multiply_no_nan(log_probability, tf.exp(log_probability)), axis=[2, 3]))
