"""Builds the optimizer and its learning rates from the settings and the length of a run."""

import keras

from aag_tf.config import OptimizerConfig
from aag_tf.optimizers.lars import EXCLUDED, LARS
from aag_tf.optimizers.layer_rates import LayerRates, RatedAdam, RatedLARS, RatedMuon, RatedSGD
from aag_tf.optimizers.muon import Muon
from aag_tf.optimizers.schedules import learning_rate_schedule


def build_optimizer(
    config: OptimizerConfig, *, total_steps: int, global_batch_size: int, layer_rates: LayerRates | None = None
) -> keras.optimizers.Optimizer:
    """Builds AdamW, Muon, SGD with momentum or LARS, without weight decay of batch norm and biases.

    Weight decay of AdamW, Muon and SGD is decoupled: `w ← w − lr · weight_decay · w` (Loshchilov and Hutter 2019).

    Args:
        config: settings of the optimizer.
        total_steps: of the run.
        global_batch_size: images of a step.
        layer_rates: learning rates of variables that differ from the others.
    """
    rate = learning_rate_schedule(config, total_steps=total_steps, global_batch_size=global_batch_size)
    if layer_rates is not None and not layer_rates.change_nothing:
        return _with_layer_rates(config, rate, layer_rates)
    if config.optimizer == "lars":
        return LARS(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    optimizer: keras.optimizers.Optimizer
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    elif config.optimizer == "muon":
        optimizer = Muon(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=list(EXCLUDED))
    return optimizer


def _with_layer_rates(
    config: OptimizerConfig, rate: keras.optimizers.schedules.LearningRateSchedule, layer_rates: LayerRates
) -> keras.optimizers.Optimizer:
    optimizer: RatedAdam | RatedMuon | RatedSGD | RatedLARS
    if config.optimizer == "lars":
        optimizer = RatedLARS(rate, momentum=config.momentum, weight_decay=config.weight_decay)
    else:
        if config.optimizer == "adamw":
            optimizer = RatedAdam(rate)
        else:
            kind = RatedMuon if config.optimizer == "muon" else RatedSGD
            optimizer = kind(rate, momentum=config.momentum)
        optimizer.decay = config.weight_decay
    optimizer.layer_rates = layer_rates
    return optimizer
