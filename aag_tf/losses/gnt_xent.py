"""GNT-Xent: NT-Xent for any number of views, with a parameter for the positive's share in the denominator.

For `B` images (the global batch) in `V` views, `z` the L2-normalized projections and `s(i, k) = z_i · z_k / τ`:

    anchor     i = (v, b)
    positives  P(i) = {(u, b) : u ≠ v}                  the other views of the same image
    negatives  N(i) = {(u, c) : c ≠ b}                  all views of all other images
    loss(i, p) = -s(i, p) + log( κ · exp s(i, p) + Σ_{n ∈ N(i)} exp s(i, n) )
    L          = Σ_i Σ_{p ∈ P(i)} w(i, p) · loss(i, p)  /  Σ_i Σ_{p ∈ P(i)} w(i, p)

In the code: τ is `temperature`, κ is `coupling`, `projections[b, v]` is `z` before normalization, and
`w((v, b), (u, b)) = r_v · r_u · sample_weight_b` with `r = 1` for the two main views and `r = aux_weight` for
auxiliary ones: a pair of auxiliary views weighs `aux_weight²`. Weight 0 excludes auxiliary views from the positives
(`aux_negatives=False` from the negatives), and weight 1 treats all views alike.

With κ = 1 and V = 2 this is the NT-Xent of SimCLR (Chen et al. 2020, equation 1); κ = 0 removes the positive from its
own denominator, as in Decoupled Contrastive Learning (Yeh et al. 2021, equation 6).

Other losses of this family change one step each, and are off by default: `positives` (`positives.py`, SupCon),
`dclw_sigma` (`dclw.py`), `rince_q` (`rince.py`) and `normalization_gradient` (`normalization.py`).
"""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import MAIN_VIEWS, LossConfig
from aag_tf.distribute.replicas import gather_replicas, num_replicas
from aag_tf.losses.dclw import dclw_weights
from aag_tf.losses.inputs import as_image_weight, as_vectors, check_settings
from aag_tf.losses.normalization import normalize
from aag_tf.losses.positives import log_losses
from aag_tf.losses.rince import rince
from aag_tf.losses.streaming import negatives_log_sum_exp
from aag_tf.losses.temperature import Temperature, as_temperature, check_temperature, temperature_config

# Most similarities that a replica keeps for the gradient with form="auto": 64 MiB in float32.
DENSE_ELEMENTS = 2**24


def gnt_xent(
    projections: tf.Tensor,
    *,
    temperature: Temperature,
    coupling: float = LossConfig.coupling,
    aux_weight: float = LossConfig.aux_weight,
    aux_negatives: bool = LossConfig.aux_negatives,
    positives: str = LossConfig.positives,
    dclw_sigma: float = LossConfig.dclw_sigma,
    rince_q: float = LossConfig.rince_q,
    rince_lambda: float = LossConfig.rince_lambda,
    normalization_gradient: str = LossConfig.normalization_gradient,
    sample_weight: tf.Tensor | None = None,
    form: str = LossConfig.loss_form,
) -> tf.Tensor:
    """GNT-Xent of a batch; with several replicas, this replica's share of the loss of the global batch.

    The shares sum to the loss, and their gradients to its gradient. Computes in float64 if the projections are float64,
    else in float32. A projection shorter than 1e-8 counts as the zero vector and gets no gradient.

        >>> views = tf.random.stateless_normal([8, 3, 16], seed=[1, 2])
        >>> float(gnt_xent(views, temperature=0.2)) > 0
        True

    Args:
        projections: `[batch, views, dim]`, any float dtype, not normalized; views 0 and 1 are the main branch's, the
            others auxiliary. The batch is this replica's, and its size may differ between replicas.
        temperature: τ > 0; a number, a scalar tensor or variable, or a `LearnedTemperature`.
        coupling: κ in [0, 1].
        aux_weight: weight of an auxiliary view in a pair, ≥ 0.
        aux_negatives: whether auxiliary views are negatives; if not, N(i) holds main views only, also for auxiliary
            anchors.
        positives: `pairs`, each positive in a softmax of its own, or all in one: `out`, the mean of their losses (needs
            κ > 0), or `in`, the loss of their mean.
        dclw_sigma: σ > 0 weights positives by their similarity (needs κ = 0, `pairs` and no RINCE); 0 does not.
        rince_q: q in (0, 1] of RINCE; 0 is the logarithmic loss.
        rince_lambda: λ in (0, 1] of RINCE.
        normalization_gradient: `exact`, or `unscaled`, which does not divide a projection's gradient by its norm.
        sample_weight: `[batch]`, ≥ 0, weights of images as anchors; an image of weight 0 is still a negative. If all
            are 0, so is the loss.
        form: `dense` keeps the similarities for the gradient; `streaming` computes them again in blocks, with memory
            linear in the batch; `auto` chooses by size, and `streaming` if the batch size is unknown in a graph.

    Returns:
        A scalar in float32 or float64.

    Raises:
        ConfigError: a setting is out of range, two do not go together, `projections` is not of rank 3 with two or more
            views, or the global batch has only one image.
    """
    check_settings(
        coupling=coupling,
        aux_weight=aux_weight,
        aux_negatives=aux_negatives,
        positives=positives,
        dclw_sigma=dclw_sigma,
        rince_q=rince_q,
        rince_lambda=rince_lambda,
        normalization_gradient=normalization_gradient,
        form=form,
    )
    vectors = as_vectors(projections)
    views = vectors.shape[1]
    image_weight = as_image_weight(sample_weight, vectors)  # [b]
    view_weight = view_weights(views, aux_weight, vectors.dtype)  # [V]
    pair_weight = _pair_weight(view_weight)  # [V, V]

    unit = normalize(vectors, normalization_gradient)  # [b, V, dim]
    scaled = unit * tf.math.rsqrt(as_temperature(temperature, vectors.dtype))
    similarities = tf.matmul(scaled, scaled, transpose_b=True)  # [b, V, V], s(i, p)
    negatives = negatives_log_sum_exp(  # [b, V], log Σ exp s(i, n)
        scaled,
        negative_views=views if aux_negatives else MAIN_VIEWS,
        keep=_keeps_similarities(form, vectors.shape),
    )
    log_numerators, losses = log_losses(  # [b, V, V] or [b, V, 1], loss(i, p) or loss(i)
        similarities, negatives, view_weight=view_weight, coupling=coupling, positives=positives
    )
    if dclw_sigma:
        weights = dclw_weights(tf.matmul(unit, unit, transpose_b=True), image_weight, dclw_sigma)
        losses += (1.0 - weights) * similarities  # -w·s in place of -s
    if rince_q:
        losses = rince(log_numerators, losses, rince_q, rince_lambda)
    total = tf.reduce_sum(gather_replicas(image_weight)) * tf.reduce_sum(pair_weight)
    return tf.math.divide_no_nan(tf.reduce_sum(image_weight[:, None, None] * pair_weight * losses), total)


def view_weights(views: int, aux_weight: float, dtype: tf.DType) -> tf.Tensor:
    """`r`, `[views]`: 1 for the main views, `aux_weight` for the others."""
    return tf.constant([1.0] * MAIN_VIEWS + [aux_weight] * (views - MAIN_VIEWS), dtype)


def _pair_weight(view_weight: tf.Tensor) -> tf.Tensor:
    """`r_v · r_u` for every ordered pair of views, and 0 for a view with itself."""
    return tf.linalg.set_diag(view_weight[:, None] * view_weight, tf.zeros_like(view_weight))


def _keeps_similarities(form: str, shape: tf.TensorShape) -> bool:
    if form != "auto":
        return form == "dense"
    if shape[0] is None:
        return False
    return (shape[0] * shape[1]) ** 2 * num_replicas() <= DENSE_ELEMENTS


@keras.saving.register_keras_serializable(package="aag_tf")
class GNTXent(keras.losses.Loss):
    """`gnt_xent` as a Keras loss; the module's docstring has the formula.

    Input: `y_true` is ignored; `y_pred` is `[batch, views, dim]`, float, views 0 and 1 from the main branch. Output: a
    scalar, float32 or float64.

        >>> loss = GNTXent(temperature=0.5, coupling=1.0)
        >>> loss(None, tf.eye(4, batch_shape=[2])).shape
        TensorShape([])

    In a replica context the result is this replica's share: sum it over replicas, never average it. Keras does so for
    `compile(loss=GNTXent())`, in training and in its metrics.

    Args:
        temperature: τ > 0; a number, a scalar tensor or variable, or a `LearnedTemperature`.
        coupling: κ in [0, 1].
        aux_weight: weight of an auxiliary view in a pair, ≥ 0.
        aux_negatives: whether auxiliary views are negatives.
        positives: `pairs`, `out` or `in`, as for `gnt_xent`.
        dclw_sigma: σ of DCLW's weights; 0 for none.
        rince_q: q of RINCE; 0 for the logarithmic loss.
        rince_lambda: λ of RINCE.
        normalization_gradient: `exact` or `unscaled`, as for `gnt_xent`.
        form: `dense`, `streaming` or `auto`, as for `gnt_xent`.
        name: name of the loss.

    Raises:
        ConfigError: a setting is out of range, or two do not go together.
    """

    def __init__(
        self,
        *,
        temperature: Temperature = LossConfig.temperature,
        coupling: float = LossConfig.coupling,
        aux_weight: float = LossConfig.aux_weight,
        aux_negatives: bool = LossConfig.aux_negatives,
        positives: str = LossConfig.positives,
        dclw_sigma: float = LossConfig.dclw_sigma,
        rince_q: float = LossConfig.rince_q,
        rince_lambda: float = LossConfig.rince_lambda,
        normalization_gradient: str = LossConfig.normalization_gradient,
        form: str = LossConfig.loss_form,
        name: str = "gnt_xent",
    ) -> None:
        super().__init__(name=name, reduction="sum")
        check_temperature(temperature)
        self.temperature, self.coupling = temperature, coupling
        self.aux_weight, self.aux_negatives = aux_weight, aux_negatives
        self.positives, self.dclw_sigma = positives, dclw_sigma
        self.rince_q, self.rince_lambda = rince_q, rince_lambda
        self.normalization_gradient, self.form = normalization_gradient, form
        check_settings(**self._settings())

    def _settings(self) -> dict[str, Any]:
        """The arguments of `gnt_xent` that are settings."""
        return {
            "coupling": self.coupling,
            "aux_weight": self.aux_weight,
            "aux_negatives": self.aux_negatives,
            "positives": self.positives,
            "dclw_sigma": self.dclw_sigma,
            "rince_q": self.rince_q,
            "rince_lambda": self.rince_lambda,
            "normalization_gradient": self.normalization_gradient,
            "form": self.form,
        }

    @override
    def __call__(self, y_true: Any, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        # Not by Keras's reduction, which would cast float64 and divide a replica's share.
        with tf.name_scope(self.name):
            return gnt_xent(y_pred, temperature=self.temperature, sample_weight=sample_weight, **self._settings())

    @override
    def call(self, y_true: Any, y_pred: tf.Tensor) -> tf.Tensor:
        return self(y_true, y_pred)

    @override
    def get_config(self) -> dict[str, Any]:
        return {"temperature": temperature_config(self.temperature), **self._settings(), "name": self.name}

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "GNTXent":
        temperature = config["temperature"]
        if isinstance(temperature, dict):
            temperature = keras.saving.deserialize_keras_object(temperature)
        return cls(**{**config, "temperature": temperature})
