"""Assembles a run from its settings, once, and calls `fit`."""

import contextlib
import dataclasses
import functools
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aag_tf import config as configs
from aag_tf.augment import Branch
from aag_tf.config import Cluster, ScheduleConfig, TrainConfig
from aag_tf.data import Source, batches_in_epoch, open_monitored, open_source, report_lost_files, training_batches
from aag_tf.distribute.devices import make_strategy
from aag_tf.distribute.workers import (
    agreement,
    announce,
    broadcast_from_chief,
    check_same_settings,
    per_worker_batches,
    report_lost_workers,
)
from aag_tf.encoders import dtype_policy
from aag_tf.runs.checkpoints import CheckpointStore, RunState, check_space, report_disk_failures
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import (
    RunFacts,
    check_same_images,
    check_same_training_settings,
    own_encoder_of,
    worker_consistency_key,
    write_flags,
    write_record,
)
from aag_tf.training.callbacks import GracefulStop, StepRange, Writer, build_callbacks
from aag_tf.training.model import AAG
from aag_tf.training.model_building import build_model
from aag_tf.utils.errors import ConfigError


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomComponents:
    """What a caller hands over beside settings; see `train`."""

    encoder: keras.Model | Callable[[], keras.Model] | None = None
    auxiliary: Branch | Callable[[], Branch] | None = None
    writers: Sequence[Writer] = ()

    def check_for_machines(self, encoder: str) -> None:
        """Refuses, on one of several machines, what was built before the cluster was joined, or is for one only.

        Args:
            encoder: the name of it in the settings.

        Raises:
            ConfigError: there is such a thing.
        """
        if encoder == configs.OWN and self.encoder is None:  # the others do not read what the chief keeps of it
            raise ConfigError(
                "on several machines a run with an encoder of its own takes it at every start, also to go on; give "
                "train(encoder=...) on each."
            )
        for name, part in (("encoder", self.encoder), ("auxiliary", self.auxiliary)):
            if isinstance(part, keras.layers.Layer):
                raise ConfigError(
                    f"on several machines train({name}=...) takes a function that builds it, since TensorFlow must "
                    "join the others before anything is built; give it that."
                )

    def built(self) -> tuple[keras.Model | None, Branch | None]:
        """The encoder and the branch, built where a function was given.

        Raises:
            ConfigError: one is something else.
        """
        return (
            _built("encoder", self.encoder, keras.Model, "put layers into a keras.Sequential"),
            _built("auxiliary", self.auxiliary, Branch, "put layers into a LayersBranch"),
        )


def _built(name: str, given: Any, kind: type, advice: str) -> Any:
    if given is None:
        return None
    # A layer can be called too, and builds nothing.
    part = given() if callable(given) and not isinstance(given, keras.layers.Layer) else given
    if not isinstance(part, kind):
        raise ConfigError(
            f"train({name}=...) takes a {kind.__name__} or a function that builds one, and got a "
            f"{type(part).__name__}; {advice}."
        )
    return part


def train(
    config: TrainConfig,
    *,
    encoder: keras.Model | Callable[[], keras.Model] | None = None,
    auxiliary: Branch | Callable[[], Branch] | None = None,
    writers: Sequence[Writer] = (),
) -> TrainResult:
    """Trains an encoder and leaves flags, checkpoints, events and metrics in the run directory.

    Where the environment's TF_CONFIG names several machines, each calls this with the same settings; the first writes.

    Args:
        config: every setting of the run.
        encoder: a functional or sequential model of your own in place of the one that `config.encoder` names: images
            `[batch, height, width, channels]`, uint8 or float in [0, 255], to embeddings `[batch, features]`. Training
            starts from its weights, and leaves them alone: the run's are a copy. Layers with a mixed dtype policy take
            that of `config.schedule.precision`, those of float32 keep theirs. Regularizers are refused, for they would
            have no effect.
        auxiliary: a branch of your own for the auxiliary views, in place of the preset that `config.aux` names; of
            layers, a `LayersBranch`. This and `encoder` may be functions that build one, and are to be on several
            machines, where TensorFlow joins the others before anything is built.
        writers: loggers of your own. Each `write(record)` gets what `metrics.jsonl` does, `{"step": ..., "loss": ...}`
            and so on, on the first machine only. An `OSError` of one, as of a network, is logged, and the run goes on.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run, and nothing has been written then;
            or it cannot go on, and its last checkpoint is intact.
        WorkerLostError: another machine was lost; the run goes on from its newest checkpoint with `resume`.
    """
    cluster = configs.cluster_from_environment()
    if encoder is not None:
        config = dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, encoder=configs.OWN))
    if auxiliary is not None and config.augment.aux != "none":
        config = dataclasses.replace(config, augment=dataclasses.replace(config.augment, aux=configs.OWN))
    with report_lost_workers(cluster), dtype_policy(config.schedule.precision):
        return _train(config, cluster, CustomComponents(encoder=encoder, auxiliary=auxiliary, writers=writers))


def _train(config: TrainConfig, cluster: Cluster | None, given: CustomComponents) -> TrainResult:
    directory = RunDirectory(config.run.run_dir)
    is_chief = cluster is None or cluster.is_chief
    record: dict[str, Any] = {}
    if is_chief:
        directory.refuse_if_locked()
        directory.check(resume=config.run.resume, overwrite=config.run.overwrite)
        if config.run.resume:
            record = directory.read_record()
    if cluster is not None:
        given.check_for_machines(config.encoder.encoder)
        announce(cluster)
    strategy = make_strategy(config.schedule, cluster)
    keras.utils.set_random_seed(config.schedule.seed)
    own_model, auxiliary = given.built()
    if record:
        check_same_training_settings(config, auxiliary, record, directory)

    source, watched = _open_images(config, record, is_chief=is_chief)
    store = CheckpointStore(directory.checkpoints)
    own_encoder = own_encoder_of(own_model, source.image_shape, record, begun=bool(store.all()))
    steps_per_epoch, total_steps = plan_steps(config.schedule, len(source.train))
    if cluster is not None:
        check_same_settings(strategy, cluster, worker_consistency_key(config, source, auxiliary, own_model))
    with strategy.scope():
        model = build_model(
            config,
            source.image_shape,
            total_steps=total_steps,
            auxiliary=auxiliary,
            own_encoder=own_encoder,
        )
        if own_model is not None:
            model.start_from(own_model)
    facts = RunFacts(source, auxiliary, own_encoder)
    state = RunState(**model.parts())
    if is_chief:
        check_space(store, state.bytes, config.run.checkpoints_to_keep)

    with directory.locked() if is_chief else contextlib.nullcontext(), report_disk_failures(store), report_lost_files():
        start_step = _begin(config, directory, state, store, facts) if is_chief else 0
        # Weights that a machine has set by itself; those that are drawn when they are made are shared by TensorFlow.
        if cluster is not None and (config.run.resume or own_model is not None):
            position = tf.Variable(start_step, dtype=tf.int64)
            broadcast_from_chief(strategy, [*state.variables, position])
            start_step = int(position.numpy())
        model.finalize_normalization()
        step_range = StepRange(start_step, total_steps, steps_per_epoch)
        if start_step >= total_steps:
            return TrainResult(directory.path, start_step, total_steps, is_chief=is_chief)

        agree = agreement(strategy) if cluster else bool
        with GracefulStop(step_range, agree) as graceful_stop, contextlib.ExitStack() as closing:
            callbacks: list[keras.callbacks.Callback] = [graceful_stop]
            if is_chief:
                callbacks = build_callbacks(
                    config,
                    model=model,
                    source=source,
                    watched=watched,
                    directory=directory,
                    store=store,
                    state=state,
                    step_range=step_range,
                    graceful_stop=graceful_stop,
                    closing=closing,
                    more_writers=given.writers,
                )
            # One Keras "epoch" is what is left of the run: positions in it are steps, so that a run can go on anywhere.
            # Without `steps_per_epoch`, since with it Keras takes the first batch to look at its shape and drops it.
            batches = _batches(config, model, source, step_range, cluster)
            model.fit(batches, epochs=1, callbacks=callbacks, verbose=0, shuffle=False)
    return TrainResult(directory.path, graceful_stop.step, total_steps, graceful_stop.received, is_chief=is_chief)


def _open_images(config: TrainConfig, record: dict[str, Any], *, is_chief: bool) -> tuple[Source, Source]:
    """Images to train on, and those by which the encoder is judged meanwhile."""
    source = open_source(config.data)
    if record:
        check_same_images(config, record, source)
    if config.run.monitor_dataset is None or not is_chief:
        return source, source
    return source, open_monitored(config.run.monitor_dataset, config.data, source.image_shape)


def _begin(
    config: TrainConfig, directory: RunDirectory, state: RunState, store: CheckpointStore, facts: RunFacts
) -> int:
    """Takes the directory into use; returns the step to start at, whose checkpoint is loaded."""
    directory.check(resume=config.run.resume, overwrite=config.run.overwrite)  # others may have been here since
    directory.create(overwrite=config.run.overwrite)
    if not config.run.resume:
        write_record(directory, config, facts)
    write_flags(directory, config)
    return state.restore(store) if config.run.resume else 0


def plan_steps(schedule: ScheduleConfig, num_images: int) -> tuple[int, int]:
    """Steps in an epoch and in the run, `train_steps` taking precedence over `epochs`.

    Raises:
        ConfigError: there are fewer images than the global batch needs.
    """
    steps_per_epoch = batches_in_epoch(num_images, schedule.global_batch_size)
    return steps_per_epoch, schedule.train_steps or schedule.epochs * steps_per_epoch


def _batches(config: TrainConfig, model: AAG, source: Source, step_range: StepRange, cluster: Cluster | None) -> Any:
    def draw(batch: dict[str, Any]) -> Any:
        return model.views(batch, seed=config.schedule.seed)

    read = functools.partial(
        training_batches,
        source.train.images,
        global_batch_size=config.schedule.global_batch_size,
        seed=config.schedule.seed,
        start_step=step_range.start_step,
        num_steps=step_range.total_steps - step_range.start_step,
        transform=draw if config.augment.augment_on == "host" else None,
    )
    return read() if cluster is None else per_worker_batches(model.distribute_strategy, cluster, read)
