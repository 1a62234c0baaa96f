"""Muon, which orthogonalizes the step of each kernel (Jordan et al. 2024), for convolutions as well as for matrices."""

import math
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override


@keras.saving.register_keras_serializable(package="aag_tf")
class Muon(keras.optimizers.Muon):
    """Keras's Muon, with the kernels of convolutions too, as matrices `[height * width * channels, filters]`.

    The step of a kernel is its momentum with all singular values near one (five Newton-Schulz iterations), times
    `0.2 · sqrt(max(rows, columns))`, so that its root mean square is that of a step of AdamW, whose learning rates and
    weight decay it takes (Liu et al. 2025, arXiv 2502.16982). Other variables (biases, batch norm, kernels of one
    filter such as those of depthwise convolutions) take steps of AdamW. Keras's own gives those to convolutions too.

    The iterations need no more than bfloat16 (Jordan et al. 2024), and compute in it where layers do.

        >>> round(float(Muon(0.003, momentum=0.95).learning_rate), 6)
        0.003

    Args:
        learning_rate: rate or schedule, of both kinds of steps.
        momentum: in [0, 1), with Nesterov's step.
        weight_decay: decoupled, of all variables that are not excluded from it.
        compute_dtype: `bfloat16` or `float32`, of the iterations; by default `bfloat16` under a global dtype policy
            that computes in it (`mixed_bfloat16`), else `float32`.
        **kwargs: of `keras.optimizers.Muon`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        momentum: float = 0.95,
        weight_decay: float | None = None,
        compute_dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["adam_weight_decay"] = weight_decay
        super().__init__(learning_rate, momentum=momentum, weight_decay=weight_decay, **kwargs)
        of_layers = keras.config.dtype_policy().compute_dtype
        self.compute_dtype = compute_dtype or ("bfloat16" if of_layers == "bfloat16" else "float32")

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "compute_dtype": self.compute_dtype}

    @override
    def _should_use_adamw(self, variable: Any) -> bool:
        return min(_matrix_shape(variable.shape)) == 1

    @override
    def zeropower_via_newtonschulz5(self, x: tf.Tensor, steps: int) -> tf.Tensor:
        # Normalized before it is rounded: Keras would sum the squares of thousands of entries in bfloat16.
        matrix = tf.cast(tf.math.l2_normalize(tf.reshape(x, _matrix_shape(x.shape)), axis=None), self.compute_dtype)
        return tf.cast(tf.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape), x.dtype)

    @override
    def lr_adjust(self, x: tf.Tensor) -> tf.Tensor:
        return x * (self.rms_rate * math.sqrt(max(_matrix_shape(x.shape))))


def _matrix_shape(shape: Any) -> tuple[int, int]:
    """Rows and columns of a kernel as a matrix from all that a filter sees to filters; (n, 1) of other variables."""
    *inputs, filters = (1, *shape) if len(shape) > 1 else (*shape, 1)
    return math.prod(inputs), filters
