"""Ends a run at a loss or at weights that are not finite, before anything good is overwritten."""

import math
from typing import Any

import keras

from aag_tf.config import TrainConfig
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.training.callbacks.step_range import StepRange
from aag_tf.utils.errors import TrainingError


class TerminateOnNaN(keras.callbacks.Callback):
    """Stops at a loss that is NaN or infinite, and refuses to save weights that are.

    The loss is a Python number by the time that Keras calls callbacks, so that looking at it costs nothing; with
    several steps in an execution it is that of the last of them.

    Args:
        step_range: the steps of this `fit`.
        store: names the last good checkpoint.
        state: what must be finite before it is saved.
        config: for the likely causes.
    """

    def __init__(self, step_range: StepRange, store: CheckpointStore, state: RunState, config: TrainConfig) -> None:
        super().__init__()
        self.step_range = step_range
        self.store = store
        self.state = state
        self.config = config

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the loss.

        Raises:
            TrainingError: it is not finite.
        """
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise self._error(
                f"the loss is {'NaN' if math.isnan(loss) else 'infinite'} at step {self.step_range.step(batch)}"
            )

    def check_state(self, step: int) -> None:
        """Looks at every weight; to be called before a checkpoint is written.

        Raises:
            TrainingError: one is not finite.
        """
        if not self.state.is_finite():
            raise self._error(f"weights are NaN or infinite after step {step}")

    def _error(self, what: str) -> TrainingError:
        found = self.store.all()
        last = f"the last good checkpoint is {found[-1].directory}" if found else "there is no checkpoint yet"
        return TrainingError(
            f"{what}; {last}. Likely causes: {'; '.join(likely_causes(self.config))}. Change one of these in a new "
            "--run_dir, since --resume would arrive here again."
        )


def likely_causes(config: TrainConfig) -> list[str]:
    """What makes contrastive training diverge, the likeliest first, with the run's own values."""
    rate = config.optimizer
    causes = [
        f"a learning rate too high for {rate.optimizer} (--learning_rate={rate.learning_rate:g}, "
        f"--lr_scaling={rate.lr_scaling}: try a third)"
    ]
    if rate.warmup_fraction < 0.05:
        causes.append(f"too short a warm-up (--warmup_fraction={rate.warmup_fraction:g}: try 0.1)")
    if config.schedule.precision == "mixed_float16":
        causes.append("overflow in float16 (try --precision=mixed_bfloat16 or float32)")
    if config.loss.temperature < 0.05:
        causes.append(f"too low a temperature (--temperature={config.loss.temperature:g}: try 0.1 to 0.5)")
    return causes
