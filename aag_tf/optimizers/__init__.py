"""Optimizers and learning-rate schedules."""

from aag_tf.optimizers.averaging import WeightAverage
from aag_tf.optimizers.build import build_optimizer
from aag_tf.optimizers.lars import LARS
from aag_tf.optimizers.layer_rates import LayerRates
from aag_tf.optimizers.muon import Muon
from aag_tf.optimizers.schedules import WarmupStableDecay, learning_rate_schedule, peak_learning_rate

__all__ = [
    "LARS",
    "LayerRates",
    "Muon",
    "WarmupStableDecay",
    "WeightAverage",
    "build_optimizer",
    "learning_rate_schedule",
    "peak_learning_rate",
]
