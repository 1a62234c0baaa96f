"""Trains an encoder: opens a run, builds its callbacks, fits, and closes."""

import contextlib
import dataclasses
import functools
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy.typing as npt

from aag_tf import config as configs
from aag_tf.augment import Branch
from aag_tf.config import TrainConfig
from aag_tf.data import training_batches
from aag_tf.distribute.workers import agreement, per_worker_batches, report_lost_workers
from aag_tf.encoders import dtype_policy
from aag_tf.runs import RunDirectory
from aag_tf.runs.recorded_choices import with_recorded_choices
from aag_tf.runs.stored_run_directory import training_directory
from aag_tf.training.callbacks import GracefulStop, build_callbacks, was_measured
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.evaluation_flags import evaluation_flags
from aag_tf.training.open_run import OpenRun, open_run, prepare_run
from aag_tf.training.precision import with_precision
from aag_tf.training.reading_faults import ReadingFaults, saving_last_step
from aag_tf.training.step_counter import InputError
from aag_tf.training.summary import summarize
from aag_tf.training.writer import Writer
from aag_tf.utils import environment
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.progress import progress_shown
from aag_tf.utils.stores import named
from aag_tf.utils.summary import Summary
from aag_tf.utils.text import command_line


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Args:
        run_dir: where its files are; a string where that is an address of a store.
        step: optimizer steps done.
        total_steps: optimizer steps asked for; more than `step` where the run was interrupted.
        stopped_by: the signal that interrupted it, if one did.
        is_chief: whether this process wrote the run directory; on several machines one does.
        evaluation_flags: what `aag-evaluate` needs for this run beside `--run_dir`; `None` if it has nothing to take,
            as after `train(images=...)`.
    """

    run_dir: Path | str
    step: int
    total_steps: int
    stopped_by: signal.Signals | None = None
    is_chief: bool = True
    evaluation_flags: tuple[str, ...] | None = ()

    @property
    def evaluate_command(self) -> str | None:
        """The command that evaluates the run, for a shell; `None` where no image was held out to evaluate on."""
        if self.evaluation_flags is None:
            return None
        return command_line("aag-evaluate", f"--run_dir={self.run_dir}", *self.evaluation_flags)

    @property
    def export_command(self) -> str:
        """The command that exports its encoder, for a shell."""
        return command_line("aag-export", f"--run_dir={self.run_dir}", f"--export_dir={self.run_dir}/saved_model")

    @property
    def resume_command(self) -> str:
        """The command that goes on with the run, for a shell."""
        flags_file = named(RunDirectory(self.run_dir).flags_file)
        return command_line("aag-train", f"--flagfile={flags_file}", "--resume")

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return self.step >= self.total_steps


def train(
    config: TrainConfig,
    *,
    encoder: keras.Model | Callable[[], keras.Model] | None = None,
    auxiliary: Branch | Callable[[], Branch] | None = None,
    images: Any = None,
    labels: npt.ArrayLike | None = None,
    writers: Sequence[Writer] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> TrainResult:
    """Trains an encoder and leaves flags, checkpoints, events and metrics in the run directory.

    What the run is going to do is logged before its first step, and after some steps how long it will take: a logger
    `aag_tf` of Python's `logging`, on standard error (`aag_tf.utils.log`).

    Where the environment's TF_CONFIG names several machines, each calls this with the same settings; the first writes.

    Args:
        config: every setting of the run.
        encoder: a functional or sequential model in place of the one that `config.encoder` names: images `[batch,
            height, width, channels]`, uint8 or float in [0, 255], to embeddings `[batch, features]`. Training starts
            from its weights and does not change them: the run trains a copy. Layers with a mixed dtype policy take
            that of `config.schedule.precision`; layers of float32 keep theirs. Regularizers are rejected, since they
            would have no effect.
        auxiliary: a branch for the auxiliary views in place of the preset that `config.augment.aux` names; pass layers
            as a `LayersBranch`. This and `encoder` may be functions that build one; on several machines they must be,
            since TensorFlow joins the others before anything is built.
        images: images in place of those that `config.data.dataset` names, in a fixed order: an array or a memory map,
            uint8 `[n, height, width, channels]` or `[n, height, width]`; a data source with `__len__` and
            `__getitem__`, as those of grain, PyTorch and TensorFlow Datasets, whose elements are an image, a pair of
            image and label, or a mapping with `image` and maybe `label`, read by several threads at once; or a finite
            `tf.data.Dataset` of such elements, which is packed into a temporary directory first. Images are uint8.
            A run is resumed with the same ones.
        labels: integers `[n]` of an array or a data source, to evaluate by; never trained on.
        writers: loggers. Each `write(record)` receives what `metrics.jsonl` does, `{"step": ..., "loss": ..., ...}`, on
            the first machine only. An `OSError`, as of a network, is logged, and the run goes on.
        callbacks: Keras callbacks, called before those of the run; an epoch of Keras is all that is left of the run.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run, and nothing has been written; or
            the run cannot go on, and its last checkpoint is intact.
        WorkerLostError: another machine was lost; the run goes on from its newest checkpoint with `resume`.
    """
    if config.run.dry_run:
        raise ConfigError("--dry_run trains nothing; call aag_tf.training.plan, or leave it out.")
    environment.tell()
    cluster = configs.cluster_from_environment()
    components = CustomComponents(
        encoder=encoder, auxiliary=auxiliary, images=images, labels=labels, writers=writers, callbacks=callbacks
    )
    config = with_precision(components.noted_in(config))
    with (
        report_lost_workers(cluster),
        dtype_policy(config.schedule.precision),
        open_run(config, components, cluster) as run,
    ):
        return _fit(run, components)


def plan(
    config: TrainConfig,
    *,
    encoder: keras.Model | Callable[[], keras.Model] | None = None,
    auxiliary: Branch | Callable[[], Branch] | None = None,
) -> Summary:
    """Returns what `train` would do with the same arguments, after its checks; writes nothing.

    Args:
        config: every setting of the run.
        encoder: as for `train`.
        auxiliary: as for `train`.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run.
    """
    environment.tell()
    components = CustomComponents(encoder=encoder, auxiliary=auxiliary)
    config = with_recorded_choices(with_precision(components.noted_in(config)))
    with dtype_policy(config.schedule.precision), training_directory(config.run.run_dir) as directory:
        run = prepare_run(directory, config, components)
        start = run.steps.start_step
        done = max((stored.step for stored in run.store.all()), default=start) if config.run.resume else start
        return summarize(dataclasses.replace(run, steps=dataclasses.replace(run.steps, start_step=done)))


def _fit(run: OpenRun, components: CustomComponents) -> TrainResult:
    """Runs the steps that are left, however often reading images fails for a moment."""
    faults = ReadingFaults(run)
    while True:
        try:
            return _try_to_fit(run, components)
        except InputError as error:
            step = run.steps.start_step + error.steps
            faults.pass_or_raise(step, error.error)
            run = dataclasses.replace(run, steps=dataclasses.replace(run.steps, start_step=step))


def _try_to_fit(run: OpenRun, components: CustomComponents) -> TrainResult:
    """Runs the steps that are left.

    Raises:
        InputError: the images of a step could not be read, and may be now.
        DataError: images that the encoder is measured on can no longer be read; the last step is saved.
    """
    steps = run.steps
    result = TrainResult(
        run.directory.name if run.directory.is_stored else run.directory.path,
        steps.start_step,
        steps.total_steps,
        is_chief=run.is_chief,
        evaluation_flags=evaluation_flags(run),
    )
    if result.complete and was_measured(run):
        return result
    if run.is_chief and progress_shown():
        logger.info(summarize(run))
    agree = bool if run.cluster is None else agreement(run.model.distribute_strategy)
    with GracefulStop(steps, agree) as graceful_stop, contextlib.ExitStack() as closing:
        own = build_callbacks(run, components.writers, closing) if run.is_chief else []
        callbacks = [*components.callbacks, *own, graceful_stop]
        # All steps that are left are one epoch of Keras, so that a run can be resumed at any step. `steps_per_epoch` is
        # not passed, since with it Keras drops the first batch after a look at its shape.
        with saving_last_step(run):
            if result.complete:  # but for what was to be measured at its last step
                alone = keras.callbacks.CallbackList(callbacks, model=run.model)
                alone.on_train_begin()
                alone.on_train_end()
                return result
            run.model.fit(_batches(run), epochs=1, callbacks=callbacks, verbose=0, shuffle=False)
        return dataclasses.replace(result, step=graceful_stop.step, stopped_by=graceful_stop.received)


def _batches(run: OpenRun) -> Any:
    """The batches of the steps that are left; on several machines each reads its own rows."""
    schedule, images = run.config.schedule, run.source.train.images

    def draw(batch: dict[str, Any]) -> Any:
        return run.model.views(batch, seed=schedule.seed)

    read = functools.partial(
        training_batches,
        images,
        global_batch_size=schedule.global_batch_size,
        seed=schedule.seed,
        start_step=run.steps.start_step,
        num_steps=run.steps.total_steps - run.steps.start_step,
        transform=draw if run.config.augment.augment_on == "host" else None,
        cutting=run.model.views.cutting(schedule.seed) if images.has_sources else None,
        counts=run.image_counts,
    )
    if run.cluster is None:
        return read()
    return per_worker_batches(run.model.distribute_strategy, run.cluster, read)
