"""Optimizers and learning-rate schedules."""

from aag_tf.optimizers.averaging import WeightAverage
from aag_tf.optimizers.build import build_optimizer, learning_rate_schedule, peak_learning_rate
from aag_tf.optimizers.lars import LARS

__all__ = ["LARS", "WeightAverage", "build_optimizer", "learning_rate_schedule", "peak_learning_rate"]
