"""Checks what a loss is given, before it computes anything."""

from typing import Any

import tensorflow as tf

from aag_tf.config import MAIN_VIEWS, LossConfig, check_loss_combination, check_setting
from aag_tf.distribute.replicas import gather_replicas, num_replicas
from aag_tf.utils.errors import ConfigError


def check_settings(*, form: str, **settings: Any) -> None:
    """Checks the arguments of `gnt_xent` that are settings.

    Raises:
        ConfigError: one is out of range, or two of them do not go together.
    """
    for name, value in settings.items():
        check_setting(LossConfig, name, value)
    check_setting(LossConfig, "loss_form", form, label="form")
    names = ("coupling", "positives", "dclw_sigma", "rince_q")
    check_loss_combination(**{name: settings[name] for name in names}, prefix="")


def as_vectors(projections: tf.Tensor) -> tf.Tensor:
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


def as_image_weight(sample_weight: tf.Tensor | None, vectors: tf.Tensor) -> tf.Tensor:
    """Returns the weights of the images, `[batch]` in the dtype of the vectors; ones without `sample_weight`."""
    if sample_weight is None:
        return tf.ones(tf.shape(vectors)[:1], vectors.dtype)
    weight = tf.cast(sample_weight, vectors.dtype)
    if not weight.shape.is_compatible_with(vectors.shape[:1]):
        raise ConfigError(
            f"sample_weight of shape {weight.shape} does not fit projections of shape {vectors.shape}; "
            "give one weight per image, of shape [batch]."
        )
    return weight
