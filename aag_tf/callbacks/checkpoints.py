"""Checkpoints at epoch ends or every so many steps; the optimizer's step counter is the position of the run."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aag_tf.callbacks.position import steps_done


class Checkpoints(keras.callbacks.Callback):
    """Saves and restores encoder, projector and optimizer.

    Args:
        directory: where checkpoints go.
        encoder: saved as `encoder`, so that evaluation can restore it alone.
        projector: saved as `projector`.
        optimizer: saved with its moments and step counter.
        every: steps between checkpoints.
        keep: how many of the newest stay on disk.
    """

    def __init__(
        self,
        directory: Path,
        *,
        encoder: keras.Model,
        projector: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        every: int,
        keep: int,
    ) -> None:
        super().__init__()
        checkpoint = tf.train.Checkpoint(encoder=encoder, projector=projector, optimizer=optimizer)
        self.manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=keep, checkpoint_name="step")
        self.optimizer = optimizer
        self.every = every
        self._last_saved = -1

    def restore(self) -> int:
        """Loads the newest checkpoint, if there is one; returns the step it stands at."""
        latest = self.manager.latest_checkpoint
        if latest is None:
            return 0
        self.manager.checkpoint.restore(latest).assert_existing_objects_matched()
        self._last_saved = steps_done(self.optimizer)
        return self._last_saved

    def save(self) -> None:
        """Writes a checkpoint of the current step, unless it is already there."""
        step = steps_done(self.optimizer)
        if step != self._last_saved:
            self.manager.save(checkpoint_number=step)
            self._last_saved = step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves where a checkpoint is due."""
        if steps_done(self.optimizer) // self.every > max(self._last_saved, 0) // self.every:
            self.save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Saves the end of the run, or the step it was stopped at."""
        self.save()
