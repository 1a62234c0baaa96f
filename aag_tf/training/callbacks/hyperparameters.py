"""The settings of a run for TensorBoard's HParams page, whose table sorts runs by their metrics."""

import time
from pathlib import Path
from typing import Any

import keras
from tensorboard.plugins.hparams import api, api_pb2, summary
from typing_extensions import override

from aag_tf import config as configs
from aag_tf.config import TrainConfig
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter

ALWAYS_SHOWN = ("dataset", "encoder", "aux", "coupling", "temperature", "learning_rate", "global_batch_size")
LENGTH = ("epochs", "train_steps")  # shown together, as the number of steps


class Hyperparameters(keras.callbacks.Callback):
    """Writes settings at the beginning of training, and a final status at its end.

    The settings are those that decide what is learned and differ from their defaults, and a few in any case. The
    columns of the table are not declared, since TensorBoard would use the declaration of one run for all runs. It
    collects them from all runs instead, those that differ between runs first.

    Args:
        events: receives both.
        config: the settings of the run.
        total_steps: steps of the whole run.
    """

    def __init__(self, events: TensorBoardWriter, config: TrainConfig, total_steps: int) -> None:
        super().__init__()
        self.events = events
        self.settings = {"steps": total_steps, **shown_settings(config)}
        run = Path(config.run.run_dir)
        self.name = f"{run.name} ({run.parent})"  # TensorBoard cuts the end, and joins rows of one name

    @override
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.events.write_summary(api.hparams_pb(self.settings, trial_id=self.name))

    @override
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.events.write_summary(summary.session_end_pb(api_pb2.STATUS_SUCCESS, time.time()))


def shown_settings(config: TrainConfig) -> dict[str, Any]:
    """Returns `{flag name: value}` of the settings that tell runs apart."""
    defaults = configs.training_settings(TrainConfig())
    return {
        name: "none" if value is None else value
        for name, value in configs.training_settings(config).items()
        if name in ALWAYS_SHOWN or (value != defaults[name] and name not in LENGTH)
    }
