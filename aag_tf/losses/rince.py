"""RINCE, a loss that is robust to positives which show different things (Chuang et al. 2022, arXiv 2201.04309).

With `a` the logarithm of the positive's term and `D` that of the denominator, `a = s(i, p)` and
`D = log( κ · exp s(i, p) + Σ_n exp s(i, n) )` in pairs,

    loss = ( (λ · exp D)^q - (exp a)^q ) / q

As `q` goes to 0 this is `D - a + log λ`, the logarithmic loss and a constant. The larger `q`, the less a pair weighs
that is still far apart: its positive pulls with `exp(q · a)`. The paper has κ = 1; here κ keeps its place.
"""

import math

import tensorflow as tf


def rince(log_numerator: tf.Tensor, log_loss: tf.Tensor, q: float, weight: float) -> tf.Tensor:
    """Returns the losses of RINCE, of any sign.

    Args:
        log_numerator: `a`, at most `1 / temperature`.
        log_loss: `D - a`, of a shape that fits.
        q: in (0, 1]. float32 overflows above `q / temperature` of about 80.
        weight: λ in (0, 1], of the denominator.
    """
    log_denominator = log_numerator + log_loss + math.log(weight)
    # `expm1` in place of `exp`: the ones cancel, and what is divided by a small q keeps its digits.
    return (tf.math.expm1(q * log_denominator) - tf.math.expm1(q * log_numerator)) / q
