"""Which callbacks a run has, in the order in which Keras calls them after a step."""

import contextlib
from collections.abc import Sequence

import keras

from aag_tf.config import RunConfig, TrainConfig
from aag_tf.data import Source
from aag_tf.runs.checkpoints import CheckpointStore, RunState
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.training.callbacks.checkpoints import Checkpoints
from aag_tf.training.callbacks.collapse import CollapseWarning
from aag_tf.training.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.training.callbacks.graceful_stop import GracefulStop
from aag_tf.training.callbacks.histograms import Histograms
from aag_tf.training.callbacks.hyperparameters import Hyperparameters
from aag_tf.training.callbacks.metrics_file import MetricsFile
from aag_tf.training.callbacks.monitor import EncoderMonitor
from aag_tf.training.callbacks.opening import Opening
from aag_tf.training.callbacks.profiler import Profiler
from aag_tf.training.callbacks.progress import Progress
from aag_tf.training.callbacks.step_log import StepLog, Writer
from aag_tf.training.callbacks.step_range import StepRange
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter
from aag_tf.training.callbacks.terminate_on_nan import TerminateOnNaN
from aag_tf.training.callbacks.tolerant_writer import TolerantWriter
from aag_tf.training.model import AAG


def build_callbacks(
    config: TrainConfig,
    *,
    model: AAG,
    source: Source,
    watched: Source,
    directory: RunDirectory,
    store: CheckpointStore,
    state: RunState,
    step_range: StepRange,
    graceful_stop: GracefulStop,
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
        step_range: the steps of this `fit`.
        graceful_stop: the last to be called.
        closing: closes what is open at the end of the run, however it ends.
        more_writers: receive every record too.
    """
    run = config.run
    progress = Progress(step_range)
    metrics = MetricsFile(directory.metrics, start_step=step_range.start_step)
    best = metrics.best("knn_accuracy")
    events = TensorBoardWriter(directory.events, start_step=step_range.start_step, best_knn_accuracy=best)
    closing.callback(events.close)
    closing.callback(progress.close)
    terminate_on_nan = TerminateOnNaN(step_range, store, state, config)
    checkpoints = Checkpoints(
        store,
        state,
        step_range,
        every=run.checkpoint_every_steps or step_range.steps_per_epoch,
        keep=run.checkpoints_to_keep,
        check=terminate_on_nan.check_state,
    )
    writers: list[Writer] = [
        metrics,
        events,
        progress,
        checkpoints,
        CollapseWarning(events),
        *map(TolerantWriter, more_writers),
    ]

    opening = [Opening(events, config, source.train.images)] if step_range.start_step == 0 else []
    step_log = StepLog(
        writers, step_range, every=run.log_every_steps, global_batch_size=config.schedule.global_batch_size
    )
    monitor = []
    if run.knn_every_epochs > 0 and watched.validation is not None:
        every = run.knn_every_epochs * step_range.steps_per_epoch
        monitor = [
            EncoderMonitor(model.judged_encoder, watched.train, watched.validation, writers, step_range, every=every)
        ]
    pictures = _pictures(run, model, watched, events, step_range)
    hyperparameters = Hyperparameters(events, config)
    return [
        terminate_on_nan,
        hyperparameters,
        *opening,
        step_log,
        progress,
        *monitor,
        *pictures,
        checkpoints,
        graceful_stop,
    ]


def _pictures(
    run: RunConfig, model: AAG, watched: Source, events: TensorBoardWriter, step_range: StepRange
) -> list[keras.callbacks.Callback]:
    """What TensorBoard shows beside scalars, in the rhythm of the kNN accuracy."""
    every = max(run.knn_every_epochs, 1) * step_range.steps_per_epoch
    callbacks: list[keras.callbacks.Callback] = []
    if run.projector_images:
        images = (watched.validation or watched.train).take(run.projector_images)
        names = watched.class_names
        callbacks.append(
            EmbeddingProjector(events.directory, model.judged_encoder, images, names, step_range, every=every)
        )
    if run.histograms:
        networks = {"encoder": model.encoder, "projector": model.projector}
        callbacks.append(Histograms(events, networks, step_range, every=every))
    if run.profile_steps:
        callbacks.append(Profiler(events.directory, *run.profiled_steps(), step_range))
    return callbacks
