"""Which callbacks a run has, in the order in which Keras calls them after a step."""

import keras

from aag_tf.callbacks.checkpoints import Checkpoints
from aag_tf.callbacks.knn import KnnMonitor
from aag_tf.callbacks.metrics_file import MetricsFile
from aag_tf.callbacks.opening import Opening
from aag_tf.callbacks.position import Span
from aag_tf.callbacks.progress import Progress
from aag_tf.callbacks.step_log import StepLog, Writer
from aag_tf.callbacks.tensorboard import TensorBoardWriter
from aag_tf.config import TrainConfig
from aag_tf.data import Source
from aag_tf.model import AAG
from aag_tf.run_directory import RunDirectory


def build_callbacks(
    config: TrainConfig,
    *,
    model: AAG,
    source: Source,
    directory: RunDirectory,
    checkpoints: Checkpoints,
    span: Span,
) -> list[keras.callbacks.Callback]:
    """Everything that happens beside the steps, but for signals.

    What is measured at a step comes before its checkpoint: a run that is killed between the two does both again, and
    no record of it is missing or doubled.
    """
    run = config.run
    progress = Progress(span)
    events = TensorBoardWriter(directory.events)
    writers: list[Writer] = [MetricsFile(directory.metrics, start_step=span.start_step), events, progress]

    callbacks: list[keras.callbacks.Callback] = []
    if span.start_step == 0:
        callbacks.append(Opening(events, config, source.train.images))
    callbacks.append(
        StepLog(writers, span, every=run.log_every_steps, global_batch_size=config.schedule.global_batch_size)
    )
    callbacks.append(progress)
    if run.knn_every_epochs > 0 and source.train.labels is not None and source.validation is not None:
        every = run.knn_every_epochs * span.steps_per_epoch
        callbacks.append(KnnMonitor(model.encoder, source.train, source.validation, writers, span, every=every))
    callbacks.append(checkpoints)
    return callbacks
