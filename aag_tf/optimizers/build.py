"""Builds the optimizer and its learning-rate schedule from the settings and the length of a run."""

import math

import keras

from aag_tf.config import OptimizerConfig
from aag_tf.optimizers.lars import EXCLUDED, LARS

REFERENCE_BATCH = 256  # global batch size at which the scaling rules leave the learning rate unchanged


def peak_learning_rate(config: OptimizerConfig, global_batch_size: int) -> float:
    """Returns the learning rate after warm-up, scaled by the batch size.

    `lr_scaling="linear"` multiplies by batch / 256 (Goyal et al. 2017), `"sqrt"` by its square root (SimCLR, appendix
    B.1), `"none"` by 1.
    """
    ratio = global_batch_size / REFERENCE_BATCH
    return config.learning_rate * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[config.lr_scaling]


def learning_rate_schedule(
    config: OptimizerConfig, *, total_steps: int, global_batch_size: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns linear warm-up from 0 over `warmup_fraction` of the run, then a cosine to 0 at `total_steps`."""
    peak = peak_learning_rate(config, global_batch_size)
    warmup_steps = min(round(config.warmup_fraction * total_steps), total_steps - 1)
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(peak, total_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, total_steps - warmup_steps, warmup_target=peak, warmup_steps=warmup_steps
    )


def build_optimizer(config: OptimizerConfig, *, total_steps: int, global_batch_size: int) -> keras.optimizers.Optimizer:
    """Builds AdamW, SGD with momentum or LARS, without weight decay of batch norm and biases.

    Weight decay of AdamW and SGD is decoupled: `w ← w − lr · weight_decay · w` (Loshchilov and Hutter 2019).
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
