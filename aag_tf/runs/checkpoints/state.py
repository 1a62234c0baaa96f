"""The state of a run that a checkpoint holds, and restoring it."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aag_tf.runs.checkpoints.store import CheckpointStore, StoredCheckpoint
from aag_tf.utils.errors import RunDirectoryError, one_line
from aag_tf.utils.literal import literal

SEED_STATE = "seed_generator_state"  # the name that Keras gives the state of its random generators


class RunState:
    """All variables that a run needs to go on; its step is the number of the checkpoint.

    The optimizer's own counter is not the step: with float16 it leaves out steps whose gradients overflowed.

    Args:
        parts: built networks and the optimizer, by the names under which they are saved.
    """

    def __init__(self, **parts: keras.Model | keras.optimizers.Optimizer) -> None:
        self.variables = [variable for part in parts.values() for variable in part.variables]
        # The seed state of dropout is among the variables of a network, but Keras does not track it for checkpoints.
        random = [variable.value for variable in self.variables if variable.path.endswith(SEED_STATE)]
        self.checkpoint = tf.train.Checkpoint(**parts, **({"random": random} if random else {}))
        self._floating = [variable for variable in self.variables if tf.as_dtype(variable.dtype).is_floating]

    @property
    def bytes(self) -> int:
        """Size of a checkpoint in bytes, without names and shapes."""
        return sum(
            tf.TensorShape(value.shape).num_elements() * tf.as_dtype(value.dtype).size for value in self.variables
        )

    def is_finite(self) -> bool:
        """Whether all weights, moments and moving statistics are finite; waits for the device."""
        # Eagerly, since a graph of all variables takes longer to trace than it saves at a few checkpoints.
        finite = [tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(value))) for value in self._floating]
        return bool(tf.reduce_all(finite))

    def write(self, prefix: str) -> None:
        """Writes files whose names start with the prefix."""
        path = Path(prefix)
        with literal(path.parent) as directory:
            self.checkpoint.write(str(directory / path.name))

    def load(self, stored: StoredCheckpoint) -> None:
        """Loads a verified checkpoint.

        Raises:
            RunDirectoryError: TensorFlow cannot read it, or it is that of other networks.
        """
        restore(stored, self.checkpoint).assert_existing_objects_matched()

    def restore(self, store: CheckpointStore) -> int:
        """Loads the newest undamaged checkpoint, if there is one, and deletes damaged ones after it.

        Returns:
            The step of the checkpoint; 0 where there is none.

        Raises:
            RunDirectoryError: there are checkpoints, and none is usable.
        """
        chosen = store.choose()
        if chosen is not None:
            self.load(chosen)
        store.clear(chosen)
        return 0 if chosen is None else chosen.step


def restore(stored: StoredCheckpoint, checkpoint: tf.train.Checkpoint) -> Any:
    """Loads a verified checkpoint; returns TensorFlow's load status.

    Raises:
        RunDirectoryError: TensorFlow cannot read it, or its tensors do not fit the networks.
    """
    try:
        with literal(stored.directory) as directory:
            # `restore` would expect the counter that `save` adds
            return checkpoint.read(str(directory / stored.prefix.name))
    except (tf.errors.OpError, ValueError) as error:
        raise RunDirectoryError(
            f"the checkpoint {stored.prefix} is as it was written, and TensorFlow cannot restore it "
            f"({one_line(error, 200)}); use the versions of packages in its run.json."
        ) from error
