"""What a run leaves and how it comes back: its directory, record and checkpoints, and exported encoders."""

from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.runs.run import TrainedRun, load_run
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord

__all__ = ["RunDirectory", "RunRecord", "SavedEncoder", "TrainedRun", "load_run", "load_saved_model"]
