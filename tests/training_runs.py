"""Real runs on the digits, as small as they can be."""

import json

import keras

from aag_tf.config import EncoderConfig, ProjectorConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.runs.run import load_run
from aag_tf.training.train import train

STEPS = 12
# What a clock or the memory of the machine decides.
METERED = {
    "images_per_second",
    "data_wait_share",
    "first_step_seconds",
    "monitor_seconds",
    "host_memory_gib",
    "device_memory_gib",
    "device_memory_peak_gib",
}


def settings(run_dir, **run) -> TrainConfig:
    """Settings of a run of `STEPS` steps that watches and draws nothing, since most tests look at none of it."""
    rhythm = {"log_every_steps": 5, "knn_every_epochs": 0, "projector_images": 0}
    return TrainConfig(
        encoder=EncoderConfig(width=0.25),
        projector=ProjectorConfig(projector_width=16, projector_dim=8),
        schedule=ScheduleConfig(train_steps=STEPS, global_batch_size=128),
        run=RunConfig(**{"run_dir": str(run_dir), **rhythm, **run}),
    )


def train_own_encoder(config, seed):
    """As a script that every machine starts."""

    def encoder():
        body = [
            keras.layers.Rescaling(1 / 16),
            keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.HeNormal(seed)),
            keras.layers.GlobalAveragePooling2D(),
        ]
        return keras.Sequential([keras.Input((8, 8, 1)), *body])

    train(config, encoder=encoder)


def records(run_dir):
    """What is in its metrics file."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def figures(run_dir):
    """Its records less what is another in every run."""
    return [{name: value for name, value in record.items() if name not in METERED} for record in records(run_dir)]


def weights(run_dir):
    """Weights of the encoder that it ended with."""
    return [weight.numpy() for weight in load_run(str(run_dir)).encoder.weights]
