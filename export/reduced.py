"""Kernels stored in 16 bits: half the file, float32 arithmetic, and the measured cost."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from aag_tf.data import Source
from aag_tf.evaluation.directions import directions
from aag_tf.evaluation.features import embed, inference
from aag_tf.evaluation.knn import knn_accuracy, usual_k
from aag_tf.utils.errors import ExportError

QUERIES = 2_000
BANK = 10_000
BATCH_SIZE = 256


class ReducedEncoder(tf.Module):
    """An encoder whose kernels are stored in 16 bits and cast to float32 where they are used.

    Vectors (biases, batch normalization) stay in float32: they are few, and rounding them costs most.

    Args:
        encoder: its kernels are rounded in place, so that afterwards both give the same embeddings.
        dtype: `bfloat16` or `float16`.

    Raises:
        ExportError: a weight is too large for the type.
    """

    def __init__(self, encoder: keras.Model, dtype: str) -> None:
        super().__init__()
        self._apply = encoder.stateless_call
        self.trainable = [_stored(weight, dtype) for weight in encoder.trainable_variables]
        self.fixed = [_stored(weight, dtype) for weight in encoder.non_trainable_variables]

    def __call__(self, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """uint8 images [b, h, w, c] to embeddings, float32 [b, dim], as the Keras model itself."""
        trainable = [_widened(weight) for weight in self.trainable]
        fixed = [_widened(weight) for weight in self.fixed]
        embedding, _ = self._apply(trainable, fixed, images, training=training)
        return embedding


def _stored(weight: keras.Variable, dtype: str) -> tf.Variable:
    value = tf.convert_to_tensor(weight.value)
    if value.dtype != tf.float32 or value.shape.rank < 2:
        return tf.Variable(value, trainable=False)
    rounded = tf.cast(value, dtype)
    if not tf.reduce_all(tf.math.is_finite(rounded)):
        raise ExportError(
            f"{weight.path} has weights that {dtype} cannot hold; export with --weights=bfloat16 or --weights=float32."
        )
    weight.assign(tf.cast(rounded, tf.float32))
    return tf.Variable(rounded, trainable=False)


def _widened(weight: tf.Variable) -> tf.Tensor:
    return tf.cast(weight, tf.float32) if weight.dtype in (tf.bfloat16, tf.float16) else tf.convert_to_tensor(weight)


@dataclasses.dataclass(frozen=True)
class PrecisionCost:
    """Effect of 16-bit kernels on embeddings.

    Args:
        weights: dtype in which kernels are stored.
        images: number of held-out images embedded with both.
        min_cosine, mean_cosine: cosine similarity of the two embeddings of an image, smallest and mean.
        knn_full, knn_reduced: kNN accuracy in [0, 1] with float32 and with 16-bit kernels; `None` without labels.
    """

    weights: str
    images: int
    min_cosine: float
    mean_cosine: float
    knn_full: float | None = None
    knn_reduced: float | None = None

    def __str__(self) -> str:
        """One line for people."""
        cosine = (
            f"{self.weights} kernels against float32 on {self.images} held-out images: "
            f"cosine similarity {self.min_cosine:.6f} at least, {self.mean_cosine:.6f} on average"
        )
        if self.knn_full is None or self.knn_reduced is None:
            return cosine
        return f"{cosine}; kNN {100 * self.knn_full:.2f} -> {100 * self.knn_reduced:.2f} %"


class CostMeter:
    """Embeds held-out images with float32 kernels when it is made, and again with the rounded ones in `cost`.

    Args:
        encoder: as trained.
        source: its validation images (else test, else train) are embedded; with labels, they are also classified by
            their nearest neighbors in train.
        embed_views: fixed views of an image whose embeddings are averaged.
    """

    def __init__(self, encoder: keras.Model, source: Source, embed_views: int = 1) -> None:
        held_out = source.validation or source.test or source.train
        self._encoder, self._embed_views = encoder, embed_views
        self._queries, self._bank = held_out.take(QUERIES), source.train.take(BANK)
        labels = self._bank.labels
        several = labels is not None and len(np.unique(labels)) > 1
        self._labeled = several and self._queries.labels is not None and held_out is not source.train
        self._before = self._embed()

    def cost(self, weights: str) -> PrecisionCost:
        """Compares the embeddings of now with those of the start; `weights` names the dtype of the kernels."""
        before, after = self._before, self._embed()
        cosine = np.sum(directions(before[0]) * directions(after[0]), axis=1)
        accuracies = (self._knn(*before), self._knn(*after)) if self._labeled else (None, None)
        return PrecisionCost(weights, len(cosine), float(cosine.min()), float(cosine.mean()), *accuracies)

    def _embed(self) -> tuple[np.ndarray, np.ndarray]:
        encoder = inference(self._encoder, self._queries.images.shape, self._embed_views)
        size = max(1, BATCH_SIZE // self._embed_views)
        queries = embed(encoder, self._queries.images, size, name="held-out images")
        return queries, embed(encoder, self._bank.images, size, name="neighbors") if self._labeled else queries[:0]

    def _knn(self, queries: np.ndarray, bank: np.ndarray) -> float:
        assert self._bank.labels is not None
        assert self._queries.labels is not None
        k = usual_k(self._bank.labels, len(bank))
        return knn_accuracy(bank, self._bank.labels, queries, self._queries.labels, k=k)
