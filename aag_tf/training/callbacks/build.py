"""The callbacks of a run, in the order in which Keras calls them after a step."""

import contextlib
from collections.abc import Sequence

import keras

from aag_tf.runs.metrics import read_metrics
from aag_tf.training.callbacks.checkpoints import Checkpoints
from aag_tf.training.callbacks.collapse import CollapseWarning
from aag_tf.training.callbacks.embedding_projector import EmbeddingProjector
from aag_tf.training.callbacks.histograms import Histograms
from aag_tf.training.callbacks.hyperparameters import Hyperparameters
from aag_tf.training.callbacks.input_limit import InputLimit
from aag_tf.training.callbacks.metrics_file import MetricsFile
from aag_tf.training.callbacks.monitor import MONITOR_SECONDS, EncoderMonitor
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.callbacks.preview import Preview
from aag_tf.training.callbacks.profiler import Profiler
from aag_tf.training.callbacks.progress import Progress
from aag_tf.training.callbacks.step_log import StepLog
from aag_tf.training.callbacks.tensorboard import TensorBoardWriter
from aag_tf.training.callbacks.terminate_on_nan import TerminateOnNaN
from aag_tf.training.callbacks.time_estimate import TimeEstimate
from aag_tf.training.callbacks.tolerant_writer import TolerantWriter
from aag_tf.training.callbacks.upload import Upload
from aag_tf.training.input_advice import InputOfRun
from aag_tf.training.open_run import OpenRun
from aag_tf.training.step_range import is_due
from aag_tf.training.writer import Writer

Callbacks = list[keras.callbacks.Callback]


def build_callbacks(run: OpenRun, custom_writers: Sequence[Writer], closing: contextlib.ExitStack) -> Callbacks:
    """Builds everything that happens beside the steps.

    What is measured at a step comes before its checkpoint: a run that is killed between the two does both again, and
    no record is missing or doubled. Weights that are not finite are noticed before either.

    Args:
        run: what is trained, on what, and where its files go.
        custom_writers: loggers of the user, which receive every record too.
        closing: closes open files at the end of the run, however it ends.
    """
    settings, steps = run.config.run, run.steps
    progress = Progress(steps)
    metrics = MetricsFile(run.directory.metrics, start_step=steps.start_step)
    best = metrics.best("knn_accuracy")
    events = TensorBoardWriter(run.directory.events, start_step=steps.start_step, best_knn_accuracy=best)
    closing.callback(events.close)
    closing.callback(progress.close)
    terminate_on_nan = TerminateOnNaN(steps, run.store, run.state, run.config)
    checkpoints = Checkpoints(
        run.store,
        run.state,
        steps,
        every=settings.checkpoint_every_steps or steps.steps_per_epoch,
        keep=settings.checkpoints_to_keep,
        constant_until=run.config.optimizer.constant_until(steps.total_steps),
        stride=run.config.schedule.steps_per_execution,
        check=terminate_on_nan.check_state,
        saved=run.directory.push,
    )
    batch_size = run.config.schedule.global_batch_size
    limit = InputLimit(events, _input(run), global_batch_size=batch_size, start_step=steps.start_step)
    custom = map(TolerantWriter, custom_writers)
    writers: list[Writer] = [metrics, events, progress, checkpoints, CollapseWarning(events), limit, *custom]
    measuring = [*_monitor(run, writers), *_pictures(run, events)]
    if not was_measured(run):
        for callback in measuring:
            if isinstance(callback, Periodic):
                callback.missed = True
    return [
        terminate_on_nan,
        Hyperparameters(events, run.config, steps.total_steps),
        *([Preview(events, run.config, run.source.train.images)] if steps.start_step == 0 else []),
        StepLog(writers, steps, every=settings.log_every_steps, global_batch_size=batch_size),
        progress,
        TimeEstimate(steps),
        *measuring,
        checkpoints,
        *([Upload(run.directory, steps, every=settings.log_every_steps)] if run.directory.is_stored else []),
    ]


def was_measured(run: OpenRun) -> bool:
    """Whether the step that a run goes on from was measured, or was not to be; images may have been lost then."""
    steps, every = run.steps, run.config.run.knn_every_epochs * run.steps.steps_per_epoch
    step = steps.start_step
    if step == 0 or every == 0 or run.monitored.validation is None or not run.is_chief:
        return True
    if step < steps.total_steps and not is_due(step, every, step - run.config.schedule.steps_per_execution):
        return True
    return any(record["step"] == step and MONITOR_SECONDS in record for record in read_metrics(run.directory.metrics))


def _input(run: OpenRun) -> InputOfRun:
    """What the run reads."""
    splits = (run.source.train, run.source.validation, run.source.test)
    return InputOfRun(
        data=run.config.data,
        augment=run.config.augment,
        images=run.source.train.images,
        total=sum(len(split) for split in splits if split is not None),
        on_gpu=any("GPU" in device for device in run.model.distribute_strategy.extended.worker_devices),
    )


def _monitor(run: OpenRun, writers: Sequence[Writer]) -> Callbacks:
    """Evaluates the encoder on held-out images meanwhile, where there are any."""
    every, watched = run.config.run.knn_every_epochs * run.steps.steps_per_epoch, run.monitored
    if every == 0 or watched.validation is None:
        return []
    return [
        EncoderMonitor(run.model.evaluated_encoder, watched.train, watched.validation, writers, run.steps, every=every)
    ]


def _pictures(run: OpenRun, events: TensorBoardWriter) -> Callbacks:
    """What TensorBoard shows beside scalars, as often as the kNN accuracy."""
    settings, steps, model = run.config.run, run.steps, run.model
    every = max(settings.knn_every_epochs, 1) * steps.steps_per_epoch
    callbacks: Callbacks = []
    if settings.projector_images:
        images = (run.monitored.validation or run.monitored.train).take(settings.projector_images)
        names, shown_bands = run.monitored.class_names, run.config.data.reading.shown_bands
        encoder = model.evaluated_encoder
        callbacks.append(
            EmbeddingProjector(events.directory, encoder, images, names, steps, every=every, shown_bands=shown_bands)
        )
    if settings.histograms:
        networks = {"encoder": model.encoder, "projector": model.projector}
        callbacks.append(Histograms(events, networks, steps, every=every))
    if settings.profile_steps:
        callbacks.append(Profiler(events.directory, *settings.profiled_steps(), steps))
    return callbacks
