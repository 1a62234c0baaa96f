"""The settings of a run for TensorBoard's HParams page, whose table sorts runs by their metrics."""

import time
from typing import Any

import keras
from tensorboard.plugins.hparams import api, api_pb2, summary
from typing_extensions import override

from aag_tf import config as configs
from aag_tf.config import TrainConfig
from aag_tf.training.callbacks.tensorboard import TAGS, TensorBoardWriter

# The columns of the table beside the settings; TensorBoard shows the last value of each tag.
METRICS = ("best_knn_accuracy", "knn_accuracy", "loss", "images_per_second")


class Hyperparameters(keras.callbacks.Callback):
    """Writes the settings that decide what is learned at the beginning of training, and a final status at its end.

    Args:
        events: receives both.
        config: the settings of the run.
    """

    def __init__(self, events: TensorBoardWriter, config: TrainConfig) -> None:
        super().__init__()
        self.events = events
        self.settings = {
            name: "default" if value is None else value for name, value in configs.training_settings(config).items()
        }

    @override
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        columns = [api.HParam(name) for name in self.settings]
        metrics = [api.Metric(TAGS[name], display_name=name.replace("_", " ")) for name in METRICS]
        self.events.write_summary(api.hparams_config_pb(columns, metrics))
        self.events.write_summary(api.hparams_pb(self.settings))

    @override
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.events.write_summary(summary.session_end_pb(api_pb2.STATUS_SUCCESS, time.time()))
