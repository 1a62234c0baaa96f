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
"""

import math
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import MAIN_VIEWS, LossConfig, check_setting
from aag_tf.distribute.replicas import gather_replicas, num_replicas
from aag_tf.losses.streaming import negatives_log_sum_exp
from aag_tf.losses.temperature import Temperature, as_temperature, check_temperature, temperature_config
from aag_tf.utils.errors import ConfigError

# A shorter projection counts as the zero vector. Half of float16's smallest number is 3e-8.
SHORTEST = 1e-8

# Most similarities that a replica keeps for the gradient with form="auto": 64 MiB in float32.
DENSE_ELEMENTS = 2**24


def gnt_xent(
    projections: tf.Tensor,
    *,
    temperature: Temperature,
    coupling: float = LossConfig.coupling,
    aux_weight: float = LossConfig.aux_weight,
    aux_negatives: bool = LossConfig.aux_negatives,
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
        sample_weight: `[batch]`, ≥ 0, weights of images as anchors; an image of weight 0 is still a negative. If all
            are 0, so is the loss.
        form: `dense` keeps the similarities for the gradient; `streaming` computes them again in blocks, with memory
            linear in the batch; `auto` chooses by size, and `streaming` if the batch size is unknown in a graph.

    Returns:
        A scalar in float32 or float64.

    Raises:
        ConfigError: a setting is out of range, `projections` is not of rank 3 with two or more views, or the global
            batch has only one image.
    """
    _check_settings(coupling, aux_weight, form)
    vectors = _as_vectors(projections)
    dtype, views = vectors.dtype, vectors.shape[1]
    image_weight = _as_image_weight(sample_weight, vectors)  # [b]
    pair_weight = _pair_weight(views, aux_weight, dtype)  # [V, V]

    scaled = normalize(vectors) * tf.math.rsqrt(as_temperature(temperature, dtype))  # [b, V, dim]
    positives = tf.matmul(scaled, scaled, transpose_b=True)  # [b, V, V], s(i, p)
    negatives = negatives_log_sum_exp(  # [b, V], log Σ exp s(i, n)
        scaled,
        negative_views=views if aux_negatives else MAIN_VIEWS,
        keep=_keeps_similarities(form, vectors.shape),
    )
    losses = pair_losses(negatives[:, :, None] - positives, coupling)  # [b, V, V], loss(i, p)
    total = tf.reduce_sum(gather_replicas(image_weight)) * tf.reduce_sum(pair_weight)
    return tf.math.divide_no_nan(tf.reduce_sum(image_weight[:, None, None] * pair_weight * losses), total)


def normalize(vectors: tf.Tensor) -> tf.Tensor:
    """L2-normalizes the last axis; a vector shorter than `SHORTEST` becomes zero, with zero gradient."""
    square = tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(tf.maximum(square, SHORTEST**2))
    return vectors * tf.where(square >= SHORTEST**2, inverse, tf.zeros_like(inverse))


def pair_losses(margin: tf.Tensor, coupling: float) -> tf.Tensor:
    """`loss(i, p) = log(κ + exp(margin))` without overflow, from `margin = log Σ_n exp s(i, n) - s(i, p)`."""
    if coupling == 0.0:
        return margin
    # Start from the larger term: otherwise rounding would lose a small coupling or a solved pair.
    log_k = math.log(coupling)
    return tf.where(margin > log_k, margin + tf.math.softplus(log_k - margin), log_k + tf.math.softplus(margin - log_k))


def _pair_weight(views: int, aux_weight: float, dtype: tf.DType) -> tf.Tensor:
    """`r_v · r_u` for every ordered pair of views, and 0 for a view with itself."""
    branch = tf.constant([1.0] * MAIN_VIEWS + [aux_weight] * (views - MAIN_VIEWS), dtype)
    return tf.linalg.set_diag(branch[:, None] * branch, tf.zeros_like(branch))


def _keeps_similarities(form: str, shape: tf.TensorShape) -> bool:
    if form != "auto":
        return form == "dense"
    if shape[0] is None:
        return False
    return (shape[0] * shape[1]) ** 2 * num_replicas() <= DENSE_ELEMENTS


def _check_settings(coupling: float, aux_weight: float, form: str) -> None:
    check_setting(LossConfig, "coupling", coupling)
    check_setting(LossConfig, "aux_weight", aux_weight)
    check_setting(LossConfig, "loss_form", form, label="form")


def _as_vectors(projections: tf.Tensor) -> tf.Tensor:
    """Returns the projections in float32 or float64 after checking that each view has a positive and a negative."""
    vectors = tf.convert_to_tensor(projections)
    if vectors.shape.rank != 3 or vectors.shape[1] is None or vectors.shape[1] < MAIN_VIEWS or vectors.shape[2] is None:
        raise ConfigError(
            f"projections of shape {vectors.shape} cannot be contrasted; "
            "stack two or more views of every image as [batch, views, dim]."
        )
    single = "a batch of one image has no negatives to contrast with; use 2 or more images."
    if num_replicas() == 1 and vectors.shape[0] in (0, 1):
        raise ConfigError(single)
    if vectors.shape[0] is None:
        images = tf.reduce_sum(gather_replicas(tf.shape(vectors)[:1]))
        tf.debugging.assert_greater(images, 1, single)
    return vectors if vectors.dtype == tf.float64 else tf.cast(vectors, tf.float32)


def _as_image_weight(sample_weight: tf.Tensor | None, vectors: tf.Tensor) -> tf.Tensor:
    if sample_weight is None:
        return tf.ones(tf.shape(vectors)[:1], vectors.dtype)
    weight = tf.cast(sample_weight, vectors.dtype)
    if not weight.shape.is_compatible_with(vectors.shape[:1]):
        raise ConfigError(
            f"sample_weight of shape {weight.shape} does not fit projections of shape {vectors.shape}; "
            "give one weight per image, of shape [batch]."
        )
    return weight


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
        form: `dense`, `streaming` or `auto`, as for `gnt_xent`.
        name: name of the loss.

    Raises:
        ConfigError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        temperature: Temperature = LossConfig.temperature,
        coupling: float = LossConfig.coupling,
        aux_weight: float = LossConfig.aux_weight,
        aux_negatives: bool = LossConfig.aux_negatives,
        form: str = LossConfig.loss_form,
        name: str = "gnt_xent",
    ) -> None:
        super().__init__(name=name, reduction="sum")
        _check_settings(coupling, aux_weight, form)
        check_temperature(temperature)
        self.temperature, self.coupling = temperature, coupling
        self.aux_weight, self.aux_negatives, self.form = aux_weight, aux_negatives, form

    @override
    def __call__(self, y_true: Any, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        # Not by Keras's reduction, which would cast float64 and divide a replica's share.
        with tf.name_scope(self.name):
            return gnt_xent(
                y_pred,
                temperature=self.temperature,
                coupling=self.coupling,
                aux_weight=self.aux_weight,
                aux_negatives=self.aux_negatives,
                sample_weight=sample_weight,
                form=self.form,
            )

    @override
    def call(self, y_true: Any, y_pred: tf.Tensor) -> tf.Tensor:
        return self(y_true, y_pred)

    @override
    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": temperature_config(self.temperature),
            "coupling": self.coupling,
            "aux_weight": self.aux_weight,
            "aux_negatives": self.aux_negatives,
            "form": self.form,
            "name": self.name,
        }

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "GNTXent":
        temperature = config["temperature"]
        if isinstance(temperature, dict):
            temperature = keras.saving.deserialize_keras_object(temperature)
        return cls(**{**config, "temperature": temperature})
