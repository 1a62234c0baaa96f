"""Keras callbacks of a run: logs, pictures, progress, checkpoints, evaluation meanwhile, a clean end."""

from aag_tf.training.callbacks.build import build_callbacks, was_measured
from aag_tf.training.callbacks.checkpoints import Checkpoints
from aag_tf.training.callbacks.collapse import CollapseWarning
from aag_tf.training.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.training.callbacks.graceful_stop import GracefulStop
from aag_tf.training.callbacks.histograms import Histograms
from aag_tf.training.callbacks.hyperparameters import Hyperparameters
from aag_tf.training.callbacks.metrics_file import MetricsFile
from aag_tf.training.callbacks.monitor import EncoderMonitor
from aag_tf.training.callbacks.preview import Preview
from aag_tf.training.callbacks.profiler import Profiler
from aag_tf.training.callbacks.progress import Progress
from aag_tf.training.callbacks.step_log import StepLog
from aag_tf.training.callbacks.tensorboard import FIRST_TAGS, TAGS, TensorBoardWriter
from aag_tf.training.callbacks.terminate_on_nan import TerminateOnNaN
from aag_tf.training.step_range import StepRange, is_due
from aag_tf.training.writer import Writer

__all__ = [
    "FIRST_TAGS",
    "TAGS",
    "Checkpoints",
    "CollapseWarning",
    "EmbeddingProjector",
    "EncoderMonitor",
    "GracefulStop",
    "Histograms",
    "Hyperparameters",
    "MetricsFile",
    "Preview",
    "Profiler",
    "Progress",
    "StepLog",
    "StepRange",
    "TensorBoardWriter",
    "TerminateOnNaN",
    "Writer",
    "build_callbacks",
    "is_due",
    "was_measured",
]
