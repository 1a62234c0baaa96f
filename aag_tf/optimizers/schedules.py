"""The learning rate of each step: a warm-up, then a cosine, or constant with a decay at the end."""

import math
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.config import OptimizerConfig

REFERENCE_BATCH = 256  # global batch size at which the scaling rules leave the learning rate unchanged


@keras.saving.register_keras_serializable(package="aag_tf")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, a constant rate, and a decay to zero at the end (WSD).

        rate(s) = peak · s / warmup_steps                                    s < warmup_steps
                  peak                                                       s ≤ decay_start
                  peak · (1 − √((s − decay_start) / (total_steps − decay_start)))

    Up to `decay_start` the rate does not depend on the length of the run: whatever was trained until then is the
    beginning of a longer run too (Hu et al. 2024, *MiniCPM*, arXiv 2404.06395). The square root is the decay that
    Hägele et al. 2024 found best (arXiv 2405.18392, section 3), over a tenth to a fifth of the steps.

        >>> rate = WarmupStableDecay(0.5, warmup_steps=10, decay_start=80, total_steps=100)
        >>> [float(rate(step)) for step in (5, 80, 85, 100)]
        [0.25, 0.5, 0.25, 0.0]

    Args:
        peak: learning rate after warm-up.
        warmup_steps: steps until it is reached; 0 for none.
        decay_start: last step with that rate.
        total_steps: the first step with rate 0.
    """

    def __init__(self, peak: float, *, warmup_steps: int, decay_start: int, total_steps: int) -> None:
        super().__init__()
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.decay_start = decay_start
        self.total_steps = total_steps

    @override
    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        risen = tf.minimum(step / max(self.warmup_steps, 1), 1.0) if self.warmup_steps else 1.0
        decayed = tf.clip_by_value((step - self.decay_start) / (self.total_steps - self.decay_start), 0.0, 1.0)
        return self.peak * risen * (1.0 - tf.sqrt(decayed))

    @override
    def get_config(self) -> dict[str, Any]:
        names = ("peak", "warmup_steps", "decay_start", "total_steps")
        return {name: getattr(self, name) for name in names}


def peak_learning_rate(config: OptimizerConfig, global_batch_size: int) -> float:
    """Returns the learning rate after warm-up, scaled by the batch size.

    `lr_scaling="linear"` multiplies by batch / 256 (Goyal et al. 2017), `"sqrt"` by its square root (SimCLR, appendix
    B.1), `"none"` by 1.
    """
    ratio = global_batch_size / REFERENCE_BATCH
    return config.rate * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[config.lr_scaling]


def learning_rate_schedule(
    config: OptimizerConfig, *, total_steps: int, global_batch_size: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns linear warm-up from 0, then a cosine to 0 at `total_steps`, or `WarmupStableDecay`.

    Raises:
        ConfigError: the run is too short for its warm-up.
    """
    peak = peak_learning_rate(config, global_batch_size)
    warmup_steps, decay_start = config.warmup(total_steps), config.constant_until(total_steps)
    if decay_start is not None:
        return WarmupStableDecay(peak, warmup_steps=warmup_steps, decay_start=decay_start, total_steps=total_steps)
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(peak, total_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, total_steps - warmup_steps, warmup_target=peak, warmup_steps=warmup_steps
    )
