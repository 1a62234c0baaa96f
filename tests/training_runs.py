"""Real runs on the digits, as small as they can be."""

import json

from aag_tf.config import EncoderConfig, ProjectorConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.trained import load_run

STEPS = 12


def settings(run_dir, **run) -> TrainConfig:
    """Settings of a run of `STEPS` steps."""
    return TrainConfig(
        encoder=EncoderConfig(width=0.25),
        projector=ProjectorConfig(projector_width=16, projector_dim=8),
        schedule=ScheduleConfig(train_steps=STEPS, global_batch_size=128),
        run=RunConfig(run_dir=str(run_dir), log_every_steps=5, knn_every_epochs=1, **run),
    )


def records(run_dir):
    """What is in its metrics file."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def weights(run_dir):
    """Weights of the encoder that it ended with."""
    return [weight.numpy() for weight in load_run(str(run_dir)).encoder.weights]
