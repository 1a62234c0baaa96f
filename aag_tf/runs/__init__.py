"""What a run leaves and how it comes back: its directory, record and checkpoints, and exported encoders."""

from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.runs.run import TrainedRun, load_run

__all__ = ["SavedEncoder", "TrainedRun", "load_run", "load_saved_model"]
