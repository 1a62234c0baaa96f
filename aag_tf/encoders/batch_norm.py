"""Batch normalization: one fused kernel on a single replica, synchronized over several.

Keras 3 computes batch normalization by about ten element-wise operations in float32, which at small image sizes take
more time than the convolutions. TensorFlow's fused kernel needs one pass forward and one backward.
"""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override


@keras.saving.register_keras_serializable(package="aag_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` (synchronized, channels last) with a fused kernel for one replica.

        output = gamma · (input − mean) / √(variance + epsilon) + beta

    Statistics are those of the *global* batch for any number of replicas, because from local statistics a network could
    tell which views belong together. Both paths put the biased batch variance into the moving average, so that a run
    does not depend on its number of replicas.

    Input: float `[batch, ..., channels]`. Output: the same shape, in the compute dtype; statistics are float32.

        >>> BatchNorm()(tf.ones([4, 8, 8, 3]), training=True).shape
        TensorShape([4, 8, 8, 3])

    Args:
        momentum: share of the old moving statistics kept at each step, in [0, 1).
        epsilon: added to the variance before the square root.
        gamma_initializer: initial scale; `"zeros"` makes a residual block start as the identity (Goyal et al. 2017).
        **kwargs: of `keras.layers.BatchNormalization`.

    Reference: Ioffe and Szegedy, *Batch Normalization*, 2015.
    """

    def __init__(
        self, *, momentum: float = 0.9, epsilon: float = 1e-5, gamma_initializer: Any = "ones", **kwargs: Any
    ) -> None:
        kwargs.setdefault("synchronized", True)
        super().__init__(momentum=momentum, epsilon=epsilon, gamma_initializer=gamma_initializer, **kwargs)

    @override
    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        usual = mask is None and self.trainable and inputs.dtype != tf.float64
        context = tf.distribute.get_replica_context()
        if usual and training and context is not None and context.num_replicas_in_sync > 1:
            return tf.cast(self._train_synchronized(tf.cast(inputs, tf.float32), context), self.compute_dtype)
        if not usual or len(inputs.shape) not in (2, 4):
            return super().call(inputs, training=training, mask=mask)
        images = inputs if len(inputs.shape) == 4 else inputs[:, tf.newaxis, tf.newaxis, :]
        outputs = self._train_fused(images) if training else self._infer_fused(images)
        outputs = outputs if len(inputs.shape) == 4 else outputs[:, 0, 0, :]
        return tf.cast(outputs, self.compute_dtype)

    def _train_synchronized(self, inputs: tf.Tensor, context: tf.distribute.ReplicaContext) -> tf.Tensor:
        """Normalizes by the statistics of all replicas.

        Keras takes E[x²] − E[x]² for the variance, of which rounding leaves nothing where the mean is large beside the
        deviation, as behind frozen layers; hence the squares of differences here, as in the fused kernel.
        """
        axes = list(range(len(inputs.shape) - 1))
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
        total, count = context.all_reduce(tf.distribute.ReduceOp.SUM, [tf.reduce_sum(inputs, axes), count])
        mean = total / count
        centered = inputs - mean
        variance = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(tf.square(centered), axes)) / count
        self._move_statistics(tf.stop_gradient(mean), tf.stop_gradient(variance))
        return centered * (tf.math.rsqrt(variance + self.epsilon) * self.gamma) + self.beta

    def _move_statistics(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        keep = self.momentum
        self.moving_mean.assign(self.moving_mean * keep + mean * (1.0 - keep))
        self.moving_variance.assign(self.moving_variance * keep + variance * (1.0 - keep))

    def _train_fused(self, images: tf.Tensor) -> tf.Tensor:
        outputs, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            exponential_avg_factor=1.0,
            is_training=True,
        )
        count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), tf.float32)
        variance = tf.stop_gradient(unbiased) * (count - 1.0) / count
        self._move_statistics(tf.stop_gradient(mean), variance)
        return outputs

    def _infer_fused(self, images: tf.Tensor) -> tf.Tensor:
        outputs, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.convert_to_tensor(self.moving_mean),
            variance=tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=False,
        )
        return outputs
