"""The settings of a run as TensorBoard's HParams, so that its table sorts runs by what they reached."""

import time
from typing import Any

import keras
from tensorboard.plugins.hparams import api, api_pb2, summary

from aag_tf import config as configs
from aag_tf.config import TrainConfig
from aag_tf.training.callbacks.tensorboard import TAGS, TensorBoardWriter

# The columns of the table beside the settings; TensorBoard shows the last value of each tag.
METRICS = ("best_knn_accuracy", "knn_accuracy", "loss", "images_per_second")


class Hyperparameters(keras.callbacks.Callback):
    """Writes the settings that decide what is learned when training begins, and how it went when it ends.

    Args:
        events: where to.
        config: the settings of the run.
    """

    def __init__(self, events: TensorBoardWriter, config: TrainConfig) -> None:
        super().__init__()
        self.events = events
        self.settings = {
            name: "default" if value is None else value for name, value in configs.training_settings(config).items()
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Writes the columns and this run's row."""
        columns = [api.HParam(name) for name in self.settings]
        metrics = [api.Metric(TAGS[name], display_name=name.replace("_", " ")) for name in METRICS]
        self.events.write_summary(api.hparams_config_pb(columns, metrics))
        self.events.write_summary(api.hparams_pb(self.settings))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Marks the row as finished."""
        self.events.write_summary(summary.session_end_pb(api_pb2.STATUS_SUCCESS, time.time()))
