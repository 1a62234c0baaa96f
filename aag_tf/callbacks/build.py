"""Which callbacks a run has, in the order in which Keras calls them after a step."""

import keras

from aag_tf.callbacks.checkpoints import Checkpoints
from aag_tf.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.callbacks.histograms import Histograms
from aag_tf.callbacks.hyperparameters import Hyperparameters
from aag_tf.callbacks.knn import KnnMonitor
from aag_tf.callbacks.metrics_file import MetricsFile
from aag_tf.callbacks.opening import Opening
from aag_tf.callbacks.position import Span
from aag_tf.callbacks.profiler import Profiler
from aag_tf.callbacks.progress import Progress
from aag_tf.callbacks.step_log import StepLog, Writer
from aag_tf.callbacks.tensorboard import TensorBoardWriter
from aag_tf.config import RunConfig, TrainConfig
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
    metrics = MetricsFile(directory.metrics, start_step=span.start_step)
    events = TensorBoardWriter(directory.events, best_knn_accuracy=metrics.best("knn_accuracy"))
    writers: list[Writer] = [metrics, events, progress]

    callbacks: list[keras.callbacks.Callback] = [Hyperparameters(events, config)]
    if span.start_step == 0:
        callbacks.append(Opening(events, config, source.train.images))
    callbacks.append(
        StepLog(writers, span, every=run.log_every_steps, global_batch_size=config.schedule.global_batch_size)
    )
    callbacks.append(progress)
    if run.knn_every_epochs > 0 and source.train.labels is not None and source.validation is not None:
        every = run.knn_every_epochs * span.steps_per_epoch
        callbacks.append(KnnMonitor(model.encoder, source.train, source.validation, writers, span, every=every))
    callbacks += [*_pictures(run, model, source, events, span), checkpoints]
    return callbacks


def _pictures(
    run: RunConfig, model: AAG, source: Source, events: TensorBoardWriter, span: Span
) -> list[keras.callbacks.Callback]:
    """What TensorBoard shows beside scalars, in the rhythm of the kNN accuracy."""
    every = max(run.knn_every_epochs, 1) * span.steps_per_epoch
    callbacks: list[keras.callbacks.Callback] = []
    if run.projector_images:
        images = (source.validation or source.train).take(run.projector_images)
        names = source.class_names
        callbacks.append(EmbeddingProjector(events.directory, model.encoder, images, names, span, every=every))
    if run.histograms:
        networks = {"encoder": model.encoder, "projector": model.projector}
        callbacks.append(Histograms(events, networks, span, every=every))
    if run.profile_steps:
        callbacks.append(Profiler(events.directory, *run.profiled_steps(), span))
    return callbacks
