"""Real training runs on the digits, as short as a test allows."""

import json

import keras

from aag_tf.config import EncoderConfig, ProjectorConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.encoders import RESNETS, ResNetSpec
from aag_tf.runs.run import load_run
from aag_tf.training.train import train

STEPS = 12
# Measured with a clock or depending on the memory of the machine, so different in every run.
METERED = {
    "images_per_second",
    "data_wait_share",
    "cpu_cores_used",
    "first_step_seconds",
    "monitor_seconds",
    "host_memory_gib",
    "device_memory_gib",
    "device_memory_peak_gib",
}
# Most of the time of a short run is tracing, which grows with the number of layers and not with their width.
ONE_BLOCK = "one_block"
RESNETS[ONE_BLOCK] = ResNetSpec(blocks=(1,), channels=8, stem_stride=2)


def schedule(**changes) -> ScheduleConfig:
    """`STEPS` steps; without XLA, which takes seconds to compile the branches, and in the same precision everywhere."""
    usual = {"train_steps": STEPS, "global_batch_size": 128, "jit_compile": "off", "precision": "float32"}
    return ScheduleConfig(**usual | changes)


def settings(run_dir, **run) -> TrainConfig:
    """Settings of a run that neither measures its encoder nor draws pictures, since most tests look at neither."""
    quiet = {"log_every_steps": 5, "knn_every_epochs": 0, "projector_images": 0}
    return TrainConfig(
        encoder=EncoderConfig(ONE_BLOCK),
        projector=ProjectorConfig(projector_width=16, projector_dim=8),
        schedule=schedule(),
        run=RunConfig(**{"run_dir": str(run_dir), **quiet, **run}),
    )


class StopAfter(keras.callbacks.Callback):
    """Stops a run after so many of its steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.steps


def train_elsewhere(config):
    """`train`, for another process, which has to import this module to know `ONE_BLOCK`."""
    train(config)


def train_own_encoder(config, seed):
    """Trains an encoder built in this process, as a script that every machine starts."""

    def encoder():
        body = [
            keras.layers.Rescaling(1 / 16),
            keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.HeNormal(seed)),
            keras.layers.GlobalAveragePooling2D(),
        ]
        return keras.Sequential([keras.Input((8, 8, 1)), *body])

    train(config, encoder=encoder)


def records(run_dir):
    """Returns all records of the run's metrics file."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def metrics(run_dir):
    """Returns the records without values that differ in every run."""
    return [{name: value for name, value in record.items() if name not in METERED} for record in records(run_dir)]


def steps_logged(run_dir):
    """Returns the records of training steps, without those of the encoder monitor."""
    return [record for record in records(run_dir) if "loss" in record]


def weights(run_dir):
    """Returns the weights of the run's final encoder as arrays."""
    return [weight.numpy() for weight in load_run(str(run_dir)).encoder.weights]
