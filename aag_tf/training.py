"""Assembles a run from its settings, once, and calls `fit`."""

import contextlib
import dataclasses
import functools
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aag_tf import config as configs
from aag_tf.augment import Branch, build_views
from aag_tf.callbacks import Interruption, Span, Writer, build_callbacks
from aag_tf.checkpoints import CheckpointStore, RunState, check_space, disk_failures_said
from aag_tf.config import Cluster, ScheduleConfig, TrainConfig
from aag_tf.data import Source, lost_files_said, open_source, training_batches
from aag_tf.devices import jit_compile, make_strategy
from aag_tf.encoders import build_encoder
from aag_tf.errors import ConfigError
from aag_tf.losses import GNTXent, LearnedTemperature
from aag_tf.losses.temperature import Temperature
from aag_tf.model import AAG
from aag_tf.optimizers import WeightAverage, build_optimizer
from aag_tf.run_directory import RunDirectory
from aag_tf.run_record import refuse_other_images, refuse_other_mathematics, what_workers_share, write_record
from aag_tf.trained import build_networks, dtype_policy
from aag_tf.workers import (
    agreement,
    announce,
    broadcast_from_chief,
    per_worker_batches,
    refuse_other_settings,
    reporting_lost_workers,
)


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Args:
        run_dir: where its files are.
        step: optimizer steps done.
        total_steps: optimizer steps asked for; more than `step` where the run was interrupted.
        stopped_by: the signal that interrupted it, if one did.
        is_chief: whether this process wrote the run directory; on several machines one does.
    """

    run_dir: Path
    step: int
    total_steps: int
    stopped_by: signal.Signals | None = None
    is_chief: bool = True

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return self.step >= self.total_steps


def train(config: TrainConfig, *, auxiliary: Branch | None = None, writers: Sequence[Writer] = ()) -> TrainResult:
    """Trains an encoder and leaves flags, checkpoints, events and metrics in the run directory.

    Where the environment's TF_CONFIG names several machines, each calls this with the same settings; the first writes.

    Args:
        config: every setting of the run.
        auxiliary: a branch of your own for the auxiliary views, in place of the preset that `config.aux` names.
        writers: loggers of your own. Each `write(record)` gets what `metrics.jsonl` does, `{"step": ..., "loss": ...}`
            and so on, on the first machine only.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run, and nothing has been written then;
            or it cannot go on, and its last checkpoint is intact.
        WorkerLostError: another machine was lost; the run goes on from its newest checkpoint with `resume`.
    """
    cluster = configs.cluster_from_environment()
    with reporting_lost_workers(cluster), dtype_policy(config.schedule.precision):
        return _train(config, cluster, auxiliary, writers)


def _train(
    config: TrainConfig, cluster: Cluster | None, auxiliary: Branch | None, writers: Sequence[Writer]
) -> TrainResult:
    directory = RunDirectory(config.run.run_dir)
    is_chief = cluster is None or cluster.is_chief
    record: dict[str, Any] = {}
    if is_chief:
        directory.refuse_if_locked()
        directory.check(resume=config.run.resume, overwrite=config.run.overwrite)
        if config.run.resume:
            record = directory.read_record()
            refuse_other_mathematics(config, auxiliary, record, directory)
    if cluster is not None:
        announce(cluster)
    strategy = make_strategy(config.schedule, cluster)
    keras.utils.set_random_seed(config.schedule.seed)

    source = open_source(config.data)
    if record:
        refuse_other_images(config, record, source)
    steps_per_epoch, total_steps = plan_steps(config.schedule, len(source.train))
    if cluster is not None:
        refuse_other_settings(strategy, cluster, what_workers_share(config, source))
    with strategy.scope():
        model = build_model(config, source.image_shape, total_steps=total_steps, auxiliary=auxiliary)
    state = RunState(**model.parts())
    store = CheckpointStore(directory.checkpoints)
    if is_chief:
        check_space(store, state.bytes, config.run.checkpoints_to_keep)

    with directory.locked() if is_chief else contextlib.nullcontext(), disk_failures_said(store), lost_files_said():
        start_step = _begin(config, directory, source, state, store, auxiliary=auxiliary) if is_chief else 0
        if cluster is not None and config.run.resume:
            position = tf.Variable(start_step, dtype=tf.int64)
            broadcast_from_chief(strategy, [*state.variables, position])
            start_step = int(position.numpy())
        span = Span(start_step, total_steps, steps_per_epoch)
        if start_step >= total_steps:
            return TrainResult(directory.path, start_step, total_steps, is_chief=is_chief)

        agree = agreement(strategy) if cluster else bool
        with Interruption(span, agree) as interruption, contextlib.ExitStack() as closing:
            callbacks: list[keras.callbacks.Callback] = [interruption]
            if is_chief:
                callbacks = build_callbacks(
                    config,
                    model=model,
                    source=source,
                    directory=directory,
                    store=store,
                    state=state,
                    span=span,
                    interruption=interruption,
                    closing=closing,
                    more_writers=writers,
                )
            # One Keras "epoch" is what is left of the run: positions in it are steps, so that a run can go on anywhere.
            # Without `steps_per_epoch`, since with it Keras takes the first batch to look at its shape and drops it.
            batches = _batches(config, model, source, span, cluster)
            model.fit(batches, epochs=1, callbacks=callbacks, verbose=0, shuffle=False)
    return TrainResult(directory.path, interruption.step, total_steps, interruption.received, is_chief=is_chief)


def _begin(
    config: TrainConfig,
    directory: RunDirectory,
    source: Source,
    state: RunState,
    store: CheckpointStore,
    *,
    auxiliary: Branch | None,
) -> int:
    """Takes the directory into use; returns the step to start at, whose checkpoint is loaded."""
    directory.check(resume=config.run.resume, overwrite=config.run.overwrite)  # others may have been here since
    directory.create(overwrite=config.run.overwrite)
    if config.run.resume:
        return state.restore(store)
    write_record(directory, config, auxiliary, source)
    return 0


def plan_steps(schedule: ScheduleConfig, num_images: int) -> tuple[int, int]:
    """Steps in an epoch and in the run, `train_steps` taking precedence over `epochs`.

    Raises:
        ConfigError: there are fewer images than the global batch needs.
    """
    steps_per_epoch = num_images // schedule.global_batch_size
    if steps_per_epoch == 0:
        raise ConfigError(
            f"--global_batch_size={schedule.global_batch_size} is more than the {num_images} training images; "
            f"use {num_images} or less."
        )
    return steps_per_epoch, schedule.train_steps or schedule.epochs * steps_per_epoch


def build_model(
    config: TrainConfig, image_shape: tuple[int, int, int], *, total_steps: int, auxiliary: Branch | None = None
) -> AAG:
    """The compiled model of a run; call it inside the strategy's scope.

    Raises:
        ConfigError: the settings do not fit each other, the images or the auxiliary branch.
    """
    encoder, projector = build_networks(config.encoder, config.projector, image_shape)
    average = None
    if config.optimizer.ema_momentum > 0:  # built last, so that it leaves the other networks' random weights alone
        average = WeightAverage(encoder, build_encoder(config.encoder, image_shape), config.optimizer.ema_momentum)
    if auxiliary is not None and config.schedule.accumulation_steps > 1 and config.augment.augment_on == "device":
        _refuse_other_views(auxiliary, image_shape)
    model = AAG(
        encoder,
        projector,
        build_views(config.augment, image_shape, auxiliary=auxiliary, jit_compile=config.schedule.jit_compile != "off"),
        seed=config.schedule.seed,
        average=average,
        accumulation_steps=config.schedule.accumulation_steps,
    )
    temperature: Temperature = config.loss.temperature
    if config.loss.learn_temperature:
        temperature = LearnedTemperature(config.loss.temperature, minimum=config.loss.temperature_minimum)
    loss = GNTXent(
        temperature=temperature,
        coupling=config.loss.coupling,
        aux_weight=config.loss.aux_weight,
        aux_negatives=config.loss.aux_negatives,
        form=config.loss.loss_form,
    )
    optimizer = build_optimizer(
        config.optimizer, total_steps=total_steps, global_batch_size=config.schedule.global_batch_size
    )
    model.compile(
        optimizer,
        loss,
        jit_compile=jit_compile(config.schedule, tf.distribute.get_strategy()),
        steps_per_execution=config.schedule.steps_per_execution,
    )
    model.optimizer.build(model.trained_variables)  # so that it can be restored
    return model


def _refuse_other_views(branch: Branch, image_shape: tuple[int, int, int]) -> None:
    """Refuses a branch that gives other views of the same images and numbers, as keras-cv's layers do."""
    images = tf.random.stateless_uniform([64, *image_shape], [0, 1], maxval=256.0)
    uniforms = tf.random.stateless_uniform([64, branch.num_uniforms], [0, 2])
    first, second = branch.transform(images, uniforms), branch.transform(images, uniforms)
    if not tf.reduce_all(first == second):
        raise ConfigError(
            "--accumulation_steps draws the views of an image twice, and the auxiliary branch that was given does not "
            "draw the same ones again; add --augment_on=host, or make it of layers that draw from a SeedGenerator."
        )


def _batches(config: TrainConfig, model: AAG, source: Source, span: Span, cluster: Cluster | None) -> Any:
    on_host = config.augment.augment_on == "host"
    read = functools.partial(
        training_batches,
        source.train.images,
        global_batch_size=config.schedule.global_batch_size,
        seed=config.schedule.seed,
        start_step=span.start_step,
        num_steps=span.total_steps - span.start_step,
        transform=functools.partial(model.views, seed=config.schedule.seed) if on_host else None,
    )
    return read() if cluster is None else per_worker_batches(model.distribute_strategy, cluster, read)
