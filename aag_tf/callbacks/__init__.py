"""What happens beside the steps: records, pictures, progress, checkpoints, held-out accuracy, a clean end."""

from aag_tf.callbacks.build import build_callbacks
from aag_tf.callbacks.checkpoints import Checkpoints
from aag_tf.callbacks.collapse import CollapseWarning
from aag_tf.callbacks.divergence import Divergence
from aag_tf.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.callbacks.histograms import Histograms
from aag_tf.callbacks.hyperparameters import Hyperparameters
from aag_tf.callbacks.interruption import Interruption
from aag_tf.callbacks.metrics_file import MetricsFile
from aag_tf.callbacks.monitor import EncoderMonitor
from aag_tf.callbacks.opening import Opening
from aag_tf.callbacks.position import Span, is_due
from aag_tf.callbacks.profiler import Profiler
from aag_tf.callbacks.progress import Progress
from aag_tf.callbacks.step_log import StepLog, Writer
from aag_tf.callbacks.tensorboard import TAGS, TensorBoardWriter

__all__ = [
    "TAGS",
    "Checkpoints",
    "CollapseWarning",
    "Divergence",
    "EmbeddingProjector",
    "EncoderMonitor",
    "Histograms",
    "Hyperparameters",
    "Interruption",
    "MetricsFile",
    "Opening",
    "Profiler",
    "Progress",
    "Span",
    "StepLog",
    "TensorBoardWriter",
    "Writer",
    "build_callbacks",
    "is_due",
]
