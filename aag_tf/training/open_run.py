"""Opens a run: every precondition in one place, the cheapest first, and all that a run is made of as the result."""

import contextlib
import dataclasses
from collections.abc import Iterator

import keras
import tensorflow as tf

from aag_tf.config import OWN, WSD, Cluster, RunConfig, TrainConfig, check_encoder
from aag_tf.data import (
    Source,
    choose_bands,
    open_monitored,
    open_source,
    report_lost_files,
    skipped_before,
)
from aag_tf.distribute.devices import make_strategy
from aag_tf.distribute.workers import announce, broadcast_from_chief, check_same_settings
from aag_tf.encoders import RESNETS
from aag_tf.encoders.applications import application_names
from aag_tf.preflight.train import check_data, check_start
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.runs.checkpoints import CheckpointStore, RunState, check_space, report_disk_failures
from aag_tf.runs.recorded_choices import with_recorded_choices
from aag_tf.runs.stored_run_directory import training_directory
from aag_tf.training.arithmetic import arithmetic_of, say_if_not_repeated
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.extension import Extension, earlier_facts, extension_of
from aag_tf.training.found_settings import describe, with_crops, with_input_range, with_layout
from aag_tf.training.local_shards import LocalShards, open_local_shards
from aag_tf.training.model import AAG
from aag_tf.training.model_building import build_model
from aag_tf.training.resume_checks import (
    check_same_images,
    check_same_training_settings,
    describe_custom_encoder,
    worker_consistency_key,
)
from aag_tf.training.start import start_of
from aag_tf.training.step_range import StepRange, plan_steps
from aag_tf.utils.once import handing_on


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OpenRun:
    """A run that may begin: its directory is locked, its model stands at `steps.start_step`.

    Args:
        config: every setting of the run.
        cluster: the machines that train together; `None` for one.
        directory: where its files go.
        record: its settings and facts.
        source: the images that are trained on.
        monitored: the images that the encoder is evaluated on meanwhile; usually those of `source`.
        model: compiled, with its weights.
        store: where its checkpoints go.
        state: what a checkpoint holds.
        steps: where it starts and ends.
        extension: what a run without a checkpoint goes on from; `None` for step 0.
        image_counts: images that each machine trains on, where each has its own.
    """

    config: TrainConfig
    cluster: Cluster | None
    directory: RunDirectory
    record: RunRecord
    source: Source
    monitored: Source
    model: AAG
    store: CheckpointStore
    state: RunState
    steps: StepRange
    extension: Extension | None = None
    image_counts: list[int] | None = None

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.cluster is None or self.cluster.is_chief


@contextlib.contextmanager
def open_run(config: TrainConfig, components: CustomComponents, cluster: Cluster | None = None) -> Iterator[OpenRun]:
    """Prepares a run and takes its directory into use; the directory stays locked while the block runs.

    Args:
        config: every setting of the run.
        components: the encoder, the branch and the images that were passed to `train`.
        cluster: the machines that train together; only the chief reads and writes the run directory.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run; within the block, a file or a disk
            failed.
    """
    config = with_recorded_choices(config)
    with training_directory(config.run.run_dir) as directory:
        if components.images is not None and (cluster is None or cluster.is_chief):
            _check_directory(directory, config.run)  # before they are packed, which may take a while
        with components.opened_images(config.data) as images:
            run = prepare_run(directory, config, components, cluster, images=images)
            with _writing(run, components) as start_step:
                yield dataclasses.replace(run, steps=dataclasses.replace(run.steps, start_step=start_step))


@contextlib.contextmanager
def _writing(run: OpenRun, components: CustomComponents) -> Iterator[int]:
    """Takes the directory of a run into use; yields the step to start at, with the weights of that step."""
    directory, config, cluster = run.directory, run.config, run.cluster
    lock = directory.locked() if run.is_chief else contextlib.nullcontext()
    with lock, report_disk_failures(run.store), report_lost_files():
        start_step = _begin(run) if run.is_chief else 0
        if run.is_chief:
            directory.write_skipped(run.source.skipped)
            directory.push()
        # Weights that one machine has set by itself; TensorFlow shares those that are drawn when they are made.
        given = components.encoder is not None or run.record.initial_weights is not None
        if cluster is not None and (config.run.resume or given):
            position = tf.Variable(start_step, dtype=tf.int64)
            broadcast_from_chief(run.model.distribute_strategy, [*run.state.variables, position])
            start_step = int(position.numpy())
        run.model.finalize_normalization()
        yield start_step


@handing_on()
def prepare_run(
    directory: RunDirectory,
    config: TrainConfig,
    components: CustomComponents,
    cluster: Cluster | None = None,
    *,
    images: Source | None = None,
) -> OpenRun:
    """Checks everything that could stop a run, and builds its model; writes nothing.

    Args:
        directory: of the run.
        config: every setting of the run.
        components: the encoder and the branch that were passed to `train`.
        cluster: the machines that train together.
        images: those that were passed to `train`, opened, if any were.

    Returns:
        The run as it would be opened, at the step at which it begins, without the weights of a checkpoint.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run.
    """
    store = CheckpointStore(directory.checkpoints)
    is_chief = cluster is None or cluster.is_chief
    before = _check_directory(directory, config.run) if is_chief else None
    check_data(config, passed=images is not None)
    if config.encoder.encoder != OWN:
        check_encoder(config.encoder.encoder, RESNETS, application_names())
    check_start(config, passed=components.encoder is not None)
    if cluster is not None:
        components.check_for_cluster(config)
        announce(cluster)
    strategy = make_strategy(config.schedule, cluster)
    keras.utils.set_random_seed(config.schedule.seed)
    custom_encoder, auxiliary = components.build()
    if before is not None:
        check_same_training_settings(config, auxiliary, before, directory)
    has_checkpoint = config.run.resume and (not is_chief or bool(store.all()))
    config, extension = (config, None) if has_checkpoint else extension_of(config, auxiliary, before)
    goes_on = has_checkpoint or extension is not None
    earlier, began, flag = earlier_facts(before, extension)

    source, local = _open_source(
        config,
        earlier,
        directory if extension is None else extension.directory,
        images=images,
        strategy=strategy,
        cluster=cluster,
    )
    config = with_layout(with_crops(config, source), source)
    start = None if goes_on else start_of(config, source.image_shape, before)
    if start is not None:
        config = with_input_range(config, start.input_range)
    choose_bands(source.image_shape[2], config.data.reading.shown_bands)  # rejects bands that images do not have
    record = describe(config, source, auxiliary, arithmetic_of(strategy), local)
    if earlier is not None:
        check_same_images(record, earlier, flag)
        say_if_not_repeated(record, earlier)
    monitored = source
    if is_chief and config.run.monitor_dataset is not None:
        monitored = open_monitored(config.run.monitor_dataset, record.same_reading(config.data), source.image_shape)
    description = None if start is None else start.description
    if description is None:
        description = describe_custom_encoder(
            custom_encoder, source.image_shape, earlier, has_checkpoint=goes_on, flag=flag
        )
    record = dataclasses.replace(record, custom_encoder=description, initial_weights=began)
    counts = None if local is None else local.counts
    steps_per_epoch, total_steps = plan_steps(config.schedule, len(source.train), counts)
    if cluster is not None:
        check_same_settings(strategy, cluster, worker_consistency_key(config, record, custom_encoder))

    with strategy.scope():
        model = build_model(
            config, source.image_shape, total_steps=total_steps, auxiliary=auxiliary, custom_encoder=description
        )
        if custom_encoder is not None:
            model.start_from(custom_encoder.get_weights())
    if start is not None:
        record = dataclasses.replace(record, initial_weights=start.give(model, config.start))
    state = RunState(**model.parts())
    if is_chief:
        check_space(store, state.bytes, config.run.checkpoints_to_keep, extendable=config.optimizer.lr_schedule == WSD)

    return OpenRun(
        config=config,
        cluster=cluster,
        directory=directory,
        record=record,
        source=source,
        monitored=monitored,
        model=model,
        store=store,
        state=state,
        steps=StepRange(0 if extension is None else extension.checkpoint.step, total_steps, steps_per_epoch),
        extension=extension,
        image_counts=counts,
    )


def _open_source(
    config: TrainConfig,
    before: RunRecord | None,
    directory: RunDirectory,
    *,
    images: Source | None,
    strategy: tf.distribute.Strategy,
    cluster: Cluster | None,
) -> tuple[Source, LocalShards | None]:
    """Opens the data set, read as in the run that is resumed; or returns the images that were passed to `train`."""
    if images is not None:
        return images, None
    data = config.data if before is None else before.same_reading(config.data)
    if config.schedule.local_shards:
        return open_local_shards(dataclasses.replace(config, data=data), strategy, cluster)
    with skipped_before(() if before is None else directory.read_skipped()):
        return open_source(data, config.augment.crop_from), None


def _check_directory(directory: RunDirectory, run: RunConfig) -> RunRecord | None:
    """Checks that the directory may be used; returns the record of the run to resume."""
    directory.check_unlocked()
    directory.check(resume=run.resume, overwrite=run.overwrite)
    return directory.read_record() if run.resume else None


def _begin(run: OpenRun) -> int:
    """Writes record and flags, or restores the newest checkpoint; returns the step to start at.

    A run that starts from given weights has a checkpoint from its beginning on, so that it never needs them again.
    """
    directory, settings, state, store = run.directory, run.config.run, run.state, run.store
    directory.check(resume=settings.resume, overwrite=settings.overwrite)  # again: others may have been here since
    directory.create(overwrite=settings.overwrite)
    if not settings.resume:
        directory.write_record(run.record)
    directory.write_flags(run.record.config)
    step = state.restore(store) if settings.resume else 0
    if run.record.initial_weights is not None and not store.all():
        if run.extension is not None:
            step = run.extension.restore(state)
        store.write(step, state.write)
    return step
