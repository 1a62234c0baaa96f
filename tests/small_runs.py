"""Run directories and data sets small enough for a test, made without training."""

import os
import time
from pathlib import Path

import keras
import numpy as np
from processes import PATIENCE

from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, ProjectorConfig, TrainConfig
from aag_tf.data import open_source
from aag_tf.encoders import build_networks, describe_encoder
from aag_tf.runs import RunRecord
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.runs.run import load_run
from aag_tf.runs.run_directory import RunDirectory

STEP = 7
WEIGHTS_SEED = 5  # not the run's own seed, so that its "trained" encoder differs from its untrained one


def make_run(
    path: Path, dataset: str = "digits", *, custom_encoder: keras.Model | None = None, **data: object
) -> keras.Model:
    """Makes a run directory as training does, but with random weights; returns its encoder.

    Its auxiliary views have a size of their own, which what works on runs must not stumble over.
    """
    config = TrainConfig(
        data=DataConfig(dataset=dataset, **data),
        augment=AugmentConfig(aux_views=2, aux_size=8),
        encoder=EncoderConfig(encoder="tiny", width=0.25),
        projector=ProjectorConfig(projector_depth=1, projector_width=8, projector_dim=4),
    )
    source = open_source(config.data)
    keras.utils.set_random_seed(WEIGHTS_SEED)
    custom = None if custom_encoder is None else describe_encoder(custom_encoder, source.image_shape)
    encoder, projector = build_networks(config.encoder, config.projector, source.image_shape, custom)
    directory = RunDirectory(path)
    directory.create()
    record = RunRecord(config=config, image_shape=source.image_shape, reading=source.reading, custom_encoder=custom)
    directory.write_record(record)
    CheckpointStore(directory.checkpoints).write(STEP, RunState(encoder=encoder, projector=projector).write)
    return encoder


def make_varied_run(path: Path) -> keras.Model:
    """Makes a run none of whose weights is that of a new network, so that all have gradients; returns its encoder."""
    make_run(path)
    run = load_run(path)
    generator = np.random.default_rng(0)
    for weight in run.encoder.weights:
        weight.assign(weight + generator.normal(0, 0.2, weight.shape) ** 2)
    write = RunState(encoder=run.encoder, projector=run.projector).write
    CheckpointStore(RunDirectory(path).checkpoints).write(STEP, write)
    return run.encoder


def add_checkpoint(path: Path, step: int, knn_accuracy: float) -> keras.Model:
    """Adds a checkpoint whose weights differ from the newest one; returns its encoder."""
    run = load_run(path)
    run.encoder.set_weights([weight + 1.0 for weight in run.encoder.get_weights()])
    write = RunState(encoder=run.encoder, projector=run.projector).write
    CheckpointStore(RunDirectory(path).checkpoints).write(step, write, knn_accuracy=knn_accuracy)
    return run.encoder


def hold_lock(path: Path) -> None:
    """Locks a run directory until the process ends, in a process of its own; says "locked" on stderr."""
    with RunDirectory(path).locked():
        os.write(2, b"locked")
        time.sleep(PATIENCE)


def save_images(path: Path, count: int = 40, shape: tuple[int, int, int] = (8, 8, 1), **arrays: np.ndarray) -> str:
    """Writes an npz data set of random images and returns its `--dataset`."""
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    np.savez(path, images=images, **arrays)
    return f"npz:{path}"
