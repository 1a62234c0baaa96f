"""Checkpoints on disk: written whole or not at all, verified before use, kept by number and by kNN accuracy."""

from aag_tf.checkpoints.disk import check_space, disk_failures_said
from aag_tf.checkpoints.state import RunState, restore
from aag_tf.checkpoints.store import CheckpointStore, StoredCheckpoint

__all__ = ["CheckpointStore", "RunState", "StoredCheckpoint", "check_space", "disk_failures_said", "restore"]
