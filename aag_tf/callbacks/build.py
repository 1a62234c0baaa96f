"""Which callbacks a run has, in the order in which Keras calls them after a step."""

import contextlib
from collections.abc import Sequence

import keras

from aag_tf.callbacks.checkpoints import Checkpoints
from aag_tf.callbacks.collapse import CollapseWarning
from aag_tf.callbacks.divergence import Divergence
from aag_tf.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.callbacks.histograms import Histograms
from aag_tf.callbacks.hyperparameters import Hyperparameters
from aag_tf.callbacks.interruption import Interruption
from aag_tf.callbacks.metrics_file import MetricsFile
from aag_tf.callbacks.monitor import EncoderMonitor
from aag_tf.callbacks.opening import Opening
from aag_tf.callbacks.own_writer import OwnWriter
from aag_tf.callbacks.position import Span
from aag_tf.callbacks.profiler import Profiler
from aag_tf.callbacks.progress import Progress
from aag_tf.callbacks.step_log import StepLog, Writer
from aag_tf.callbacks.tensorboard import TensorBoardWriter
from aag_tf.checkpoints import CheckpointStore, RunState
from aag_tf.config import RunConfig, TrainConfig
from aag_tf.data import Source
from aag_tf.model import AAG
from aag_tf.run_directory import RunDirectory


def build_callbacks(
    config: TrainConfig,
    *,
    model: AAG,
    source: Source,
    watched: Source,
    directory: RunDirectory,
    store: CheckpointStore,
    state: RunState,
    span: Span,
    interruption: Interruption,
    closing: contextlib.ExitStack,
    more_writers: Sequence[Writer] = (),
) -> list[keras.callbacks.Callback]:
    """Everything that happens beside the steps.

    What is measured at a step comes before its checkpoint: a run that is killed between the two does both again, and
    no record of it is missing or doubled. What must not be kept is noticed before either.

    Args:
        config: the settings of the run.
        model: what is trained.
        source: the images that are trained on.
        watched: those by which the encoder is judged meanwhile; usually the same data set.
        directory: where files go.
        store: where checkpoints go.
        state: what they hold.
        span: the steps of this `fit`.
        interruption: the last to be called.
        closing: closes what is open at the end of the run, however it ends.
        more_writers: receive every record too.
    """
    run = config.run
    progress = Progress(span)
    metrics = MetricsFile(directory.metrics, start_step=span.start_step)
    best = metrics.best("knn_accuracy")
    events = TensorBoardWriter(directory.events, start_step=span.start_step, best_knn_accuracy=best)
    closing.callback(events.close)
    closing.callback(progress.close)
    divergence = Divergence(span, store, state, config)
    checkpoints = Checkpoints(
        store,
        state,
        span,
        every=run.checkpoint_every_steps or span.steps_per_epoch,
        keep=run.checkpoints_to_keep,
        check=divergence.check_state,
    )
    writers: list[Writer] = [
        metrics,
        events,
        progress,
        checkpoints,
        CollapseWarning(events),
        *map(OwnWriter, more_writers),
    ]

    opening = [Opening(events, config, source.train.images)] if span.start_step == 0 else []
    step_log = StepLog(writers, span, every=run.log_every_steps, global_batch_size=config.schedule.global_batch_size)
    monitor = []
    if run.knn_every_epochs > 0 and watched.validation is not None:
        every = run.knn_every_epochs * span.steps_per_epoch
        monitor = [EncoderMonitor(model.judged_encoder, watched.train, watched.validation, writers, span, every=every)]
    pictures = _pictures(run, model, watched, events, span)
    hyperparameters = Hyperparameters(events, config)
    return [divergence, hyperparameters, *opening, step_log, progress, *monitor, *pictures, checkpoints, interruption]


def _pictures(
    run: RunConfig, model: AAG, watched: Source, events: TensorBoardWriter, span: Span
) -> list[keras.callbacks.Callback]:
    """What TensorBoard shows beside scalars, in the rhythm of the kNN accuracy."""
    every = max(run.knn_every_epochs, 1) * span.steps_per_epoch
    callbacks: list[keras.callbacks.Callback] = []
    if run.projector_images:
        images = (watched.validation or watched.train).take(run.projector_images)
        names = watched.class_names
        callbacks.append(EmbeddingProjector(events.directory, model.judged_encoder, images, names, span, every=every))
    if run.histograms:
        networks = {"encoder": model.encoder, "projector": model.projector}
        callbacks.append(Histograms(events, networks, span, every=every))
    if run.profile_steps:
        callbacks.append(Profiler(events.directory, *run.profiled_steps(), span))
    return callbacks
