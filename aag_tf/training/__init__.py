"""From settings to a trained encoder: the model, its step, and what happens beside the steps."""

from aag_tf.training.callbacks import EncoderMonitor, StepRange
from aag_tf.training.model import AAG
from aag_tf.training.train import TrainResult, plan, train

__all__ = ["AAG", "EncoderMonitor", "StepRange", "TrainResult", "plan", "train"]
