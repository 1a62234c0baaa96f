"""Ends a run at a loss or at weights that are not finite, before anything good is overwritten."""

import math
from typing import Any

import keras
from typing_extensions import override

from aag_tf.config import TrainConfig
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.training.step_range import StepRange
from aag_tf.utils.errors import TrainingError
from aag_tf.utils.stores import named


class TerminateOnNaN(keras.callbacks.Callback):
    """Raises `TrainingError` at a loss that is NaN or infinite, and before weights that are would be saved.

    Checking the loss costs nothing, since Keras passes it to callbacks as a Python number; with several steps in an
    execution it is the loss of the last one.

    Args:
        step_range: the steps of this `fit`.
        store: names the last good checkpoint.
        state: variables that must be finite before they are saved.
        config: settings, for the likely causes.
    """

    def __init__(self, step_range: StepRange, store: CheckpointStore, state: RunState, config: TrainConfig) -> None:
        super().__init__()
        self.step_range = step_range
        self.store = store
        self.state = state
        self.config = config

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise self._error(
                f"the loss is {'NaN' if math.isnan(loss) else 'infinite'} at step {self.step_range.step(batch)}"
            )

    def check_state(self, step: int) -> None:
        """Checks every weight; called before a checkpoint is written.

        Raises:
            TrainingError: a weight is not finite.
        """
        if not self.state.is_finite():
            raise self._error(f"weights are NaN or infinite after step {step}")

    def _error(self, what: str) -> TrainingError:
        found = self.store.all()
        last = f"the last good checkpoint is {named(found[-1].directory)}" if found else "there is no checkpoint yet"
        return TrainingError(
            f"{what}; {last}. Likely causes: {'; '.join(likely_causes(self.config))}. Change one of these in a new "
            "--run_dir, since --resume would arrive here again."
        )


def likely_causes(config: TrainConfig) -> list[str]:
    """Returns what makes contrastive training diverge, the likeliest cause first, with the values of the run."""
    optimizer = config.optimizer
    causes = [
        f"a learning rate too high for {optimizer.optimizer} (--learning_rate={optimizer.rate:g}, "
        f"--lr_scaling={optimizer.lr_scaling}: try a third)"
    ]
    if optimizer.warmup_steps is None and optimizer.warmup_fraction < 0.05:
        causes.append(f"too short a warm-up (--warmup_fraction={optimizer.warmup_fraction:g}: try 0.1)")
    if config.schedule.precision == "mixed_float16":
        causes.append("overflow in float16 (try --precision=mixed_bfloat16 or float32)")
    if config.loss.temperature < 0.05:
        causes.append(f"too low a temperature (--temperature={config.loss.temperature:g}: try 0.1 to 0.5)")
    return causes
