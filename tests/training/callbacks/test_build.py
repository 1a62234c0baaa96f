"""What happens beside the steps, put together: which encoder is watched, and who hears of it."""

import contextlib
import dataclasses

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import settings

from aag_tf.config import OptimizerConfig
from aag_tf.data import open_source
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.training.callbacks import EmbeddingProjector, EncoderMonitor, GracefulStop, StepRange, build_callbacks
from aag_tf.training.model_building import build_model


def test_averaged_weights_are_watched_and_that_they_collapse_is_warned_of(tmp_path, caplog):
    config = settings(tmp_path / "run", knn_every_epochs=1, projector_images=20)
    config = dataclasses.replace(config, optimizer=OptimizerConfig(ema_momentum=0.9))
    source = open_source(config.data)
    model = build_model(config, source.image_shape, total_steps=10)
    for weight in model.average.encoder.trainable_variables:
        weight.assign(tf.zeros_like(weight))  # every image has the same embedding, but not by the weights in training
    directory = RunDirectory(config.run.run_dir)
    directory.create()
    step_range = StepRange(0, 10, 5)
    with contextlib.ExitStack() as closing:
        callbacks = build_callbacks(
            config,
            model=model,
            source=source,
            watched=source,
            directory=directory,
            store=CheckpointStore(directory.checkpoints),
            state=RunState(**model.parts()),
            step_range=step_range,
            graceful_stop=GracefulStop(step_range),
            closing=closing,
        )
        watching = [callback for callback in callbacks if isinstance(callback, EncoderMonitor | EmbeddingProjector)]
        assert len(watching) == 2
        for step in (5, 10):
            for callback in watching:
                callback.on_due(step, {})
    assert "collapse: at step 10 all images have almost the same embedding" in caplog.text
    events = EventAccumulator(str(directory.events), size_guidance={"tensors": 0})
    events.Reload()
    assert "warnings" in events.Tags()["tensors"]
    assert np.ptp(np.loadtxt(directory.events / "embeddings.tsv", delimiter="\t"), axis=0).max() == 0.0
