"""L2 normalization of projections, and the gradient that passes through it.

With `u = z / ‖z‖` and an upstream gradient `g` of `u`, the derivative is

    exact      (g - (g · u) u) / ‖z‖
    unscaled    g - (g · u) u

The exact one is divided by the norm: a projection that is twice as long learns half as fast, and every step, orthogonal
to `z`, makes it longer still (Draganov et al. 2024, *The Hidden Pitfalls of the Cosine Similarity Loss*,
arXiv 2406.16468). Their remedy is to begin with smaller weights. Leaving the factor out of the gradient, as `unscaled`
does, is a choice of this package; it is then no longer the gradient of any loss.
"""

from collections.abc import Callable

import tensorflow as tf

# A shorter projection counts as the zero vector. Half of float16's smallest number is 3e-8.
SHORTEST = 1e-8


def normalize(vectors: tf.Tensor, gradient: str = "exact") -> tf.Tensor:
    """L2-normalizes the last axis; a vector shorter than `SHORTEST` becomes zero, with zero gradient.

    Args:
        vectors: `[..., dim]`, float32 or float64.
        gradient: `exact` or `unscaled`, as above.
    """
    if gradient == "unscaled":
        vectors = _multiply_gradient_by_norm(vectors)
    square = tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(tf.maximum(square, SHORTEST**2))
    return vectors * tf.where(square >= SHORTEST**2, inverse, tf.zeros_like(inverse))


@tf.custom_gradient
def _multiply_gradient_by_norm(vectors: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * tf.norm(vectors, axis=-1, keepdims=True)

    return tf.identity(vectors), gradient
