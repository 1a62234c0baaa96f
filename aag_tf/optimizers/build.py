"""From optimizer settings and the length of a run to an optimizer with its learning-rate schedule."""

import math

import keras

from aag_tf.config import OptimizerConfig
from aag_tf.optimizers.lars import EXCLUDED, LARS

REFERENCE_BATCH = 256  # learning rates are quoted for this batch size where a scaling rule is used


def peak_learning_rate(config: OptimizerConfig, global_batch_size: int) -> float:
    """The learning rate after warm-up, scaled with the batch as `lr_scaling` says.

    `linear` multiplies by batch / 256 (Goyal et al. 2017), `sqrt` by its root (SimCLR, appendix B.1), `none` by 1.
    """
    ratio = global_batch_size / REFERENCE_BATCH
    return config.learning_rate * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[config.lr_scaling]


def learning_rate_schedule(
    config: OptimizerConfig, *, total_steps: int, global_batch_size: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Linear warm-up from zero over `warmup_fraction` of the run, then a cosine down to zero at `total_steps`."""
    peak = peak_learning_rate(config, global_batch_size)
    warmup_steps = min(round(config.warmup_fraction * total_steps), total_steps - 1)
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(peak, total_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, total_steps - warmup_steps, warmup_target=peak, warmup_steps=warmup_steps
    )


def build_optimizer(config: OptimizerConfig, *, total_steps: int, global_batch_size: int) -> keras.optimizers.Optimizer:
    """AdamW, SGD with momentum or LARS; weight decay skips batch norm and biases.

    AdamW and SGD decay as `w ← w − lr · weight_decay · w` (decoupled, Loshchilov and Hutter 2019).
    """
    rate = learning_rate_schedule(config, total_steps=total_steps, global_batch_size=global_batch_size)
    if config.optimizer == "lars":
        return LARS(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=list(EXCLUDED))
    return optimizer
