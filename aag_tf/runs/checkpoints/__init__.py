"""Checkpoints on disk: written whole or not at all, verified before use, pruned by number and kNN accuracy."""

from aag_tf.runs.checkpoints.disk import check_space, report_disk_failures
from aag_tf.runs.checkpoints.state import RunState, restore
from aag_tf.runs.checkpoints.store import CheckpointStore, StoredCheckpoint

__all__ = ["CheckpointStore", "RunState", "StoredCheckpoint", "check_space", "report_disk_failures", "restore"]
