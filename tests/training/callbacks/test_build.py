"""The callbacks of a run together: which encoder is monitored, and where a collapse is reported."""

import contextlib
import dataclasses

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import settings

from aag_tf.config import OptimizerConfig
from aag_tf.training.callbacks import EmbeddingProjector, EncoderMonitor, build_callbacks
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.open_run import open_run


def test_averaged_weights_are_monitored_and_their_collapse_is_warned_of(tmp_path, caplog):
    config = settings(tmp_path / "run", knn_every_epochs=1, projector_images=20)
    config = dataclasses.replace(config, optimizer=OptimizerConfig(ema_momentum=0.9))
    with contextlib.ExitStack() as closing:
        run = closing.enter_context(open_run(config, CustomComponents()))
        for weight in run.model.average.encoder.trainable_variables:
            weight.assign(tf.zeros_like(weight))  # all embeddings are alike, but not by the weights in training
        directory = run.directory
        callbacks = build_callbacks(run, (), closing)
        watching = [callback for callback in callbacks if isinstance(callback, EncoderMonitor | EmbeddingProjector)]
        assert len(watching) == 2
        for step in (5, 10):
            for callback in watching:
                callback.on_due(step, {})
    assert "collapse: at step 10 all images have almost the same embedding" in caplog.text
    events = EventAccumulator(str(directory.events), size_guidance={"tensors": 0})
    events.Reload()
    assert "warnings" in events.Tags()["tensors"]
    assert np.ptp(np.loadtxt(directory.events / "projector" / "embeddings.tsv", delimiter="\t"), axis=0).max() == 0.0
