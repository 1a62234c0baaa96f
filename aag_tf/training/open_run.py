"""Opens a run: every precondition in one place, the cheapest first, and all that a run is made of as the result."""

import contextlib
import dataclasses
from collections.abc import Iterator

import keras
import tensorflow as tf

from aag_tf.augment import Branch
from aag_tf.config import OWN, Cluster, RunConfig, ScheduleConfig, TrainConfig, check_encoder
from aag_tf.data import (
    Source,
    batches_in_epoch,
    choose_bands,
    fingerprint,
    open_monitored,
    open_source,
    report_lost_files,
    skipped_before,
)
from aag_tf.distribute.devices import make_strategy
from aag_tf.distribute.workers import announce, broadcast_from_chief, check_same_settings
from aag_tf.encoders import RESNETS
from aag_tf.encoders.applications import application_names
from aag_tf.preflight.train import check_data
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.runs.checkpoints import CheckpointStore, RunState, check_space, report_disk_failures
from aag_tf.runs.recorded_choices import with_recorded_choices
from aag_tf.runs.stored_run_directory import training_directory
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.model import AAG
from aag_tf.training.model_building import build_model
from aag_tf.training.resume_checks import (
    check_same_images,
    check_same_training_settings,
    describe_custom_encoder,
    worker_consistency_key,
)
from aag_tf.training.step_range import StepRange
from aag_tf.utils.errors import ConfigError


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

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.cluster is None or self.cluster.is_chief


@contextlib.contextmanager
def open_run(config: TrainConfig, components: CustomComponents, cluster: Cluster | None = None) -> Iterator[OpenRun]:
    """Prepares a run and takes its directory into use; the directory stays locked while the block runs.

    Args:
        config: every setting of the run.
        components: the encoder and the branch that were passed to `train`.
        cluster: the machines that train together; only the chief reads and writes the run directory.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run; within the block, a file or a disk
            failed.
    """
    config = with_recorded_choices(config)
    with training_directory(config.run.run_dir) as directory:
        run = prepare_run(directory, config, components, cluster)
        state, store = run.state, run.store
        lock = directory.locked() if run.is_chief else contextlib.nullcontext()
        with lock, report_disk_failures(store), report_lost_files():
            start_step = _begin(config.run, directory, run.record, state, store) if run.is_chief else 0
            if run.is_chief:
                directory.write_skipped(run.source.skipped)
                directory.push()
            # Weights that one machine has set by itself; TensorFlow shares those that are drawn when they are made.
            if cluster is not None and (config.run.resume or components.encoder is not None):
                position = tf.Variable(start_step, dtype=tf.int64)
                broadcast_from_chief(run.model.distribute_strategy, [*state.variables, position])
                start_step = int(position.numpy())
            run.model.finalize_normalization()
            yield dataclasses.replace(run, steps=dataclasses.replace(run.steps, start_step=start_step))


def prepare_run(
    directory: RunDirectory, config: TrainConfig, components: CustomComponents, cluster: Cluster | None = None
) -> OpenRun:
    """Checks everything that could stop a run, and builds its model; writes nothing.

    Args:
        directory: of the run.
        config: every setting of the run.
        components: the encoder and the branch that were passed to `train`.
        cluster: the machines that train together.

    Returns:
        The run as it would be opened, at step 0 and with untrained weights.

    Raises:
        AagError: the settings, the data or the run directory do not allow the run.
    """
    store = CheckpointStore(directory.checkpoints)
    is_chief = cluster is None or cluster.is_chief
    before = _check_directory(directory, config.run) if is_chief else None
    check_data(config)
    if config.encoder.encoder != OWN:
        check_encoder(config.encoder.encoder, RESNETS, application_names())
    if cluster is not None:
        components.check_for_cluster(config)
        announce(cluster)
    strategy = make_strategy(config.schedule, cluster)
    keras.utils.set_random_seed(config.schedule.seed)
    custom_encoder, auxiliary = components.build()
    if before is not None:
        check_same_training_settings(config, auxiliary, before, directory)

    with skipped_before(() if before is None else directory.read_skipped()):
        source = open_source(
            config.data if before is None else before.same_reading(config.data), config.augment.crop_from
        )
    config = _with_layout(_with_crops(config, source), source)
    choose_bands(source.image_shape[2], config.data.reading.shown_bands)  # rejects bands that images do not have
    record = _describe(config, source, auxiliary)
    if before is not None:
        check_same_images(record, before)
    monitored = source
    if is_chief and config.run.monitor_dataset is not None:
        monitored = open_monitored(config.run.monitor_dataset, record.same_reading(config.data), source.image_shape)
    description = describe_custom_encoder(custom_encoder, source.image_shape, before, has_checkpoint=bool(store.all()))
    record = dataclasses.replace(record, custom_encoder=description)
    steps_per_epoch, total_steps = plan_steps(config.schedule, len(source.train))
    if cluster is not None:
        check_same_settings(strategy, cluster, worker_consistency_key(config, record, custom_encoder))

    with strategy.scope():
        model = build_model(
            config, source.image_shape, total_steps=total_steps, auxiliary=auxiliary, custom_encoder=description
        )
        if custom_encoder is not None:
            model.start_from(custom_encoder)
    state = RunState(**model.parts())
    if is_chief:
        check_space(store, state.bytes, config.run.checkpoints_to_keep)

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
        steps=StepRange(0, total_steps, steps_per_epoch),
    )


def plan_steps(schedule: ScheduleConfig, num_images: int) -> tuple[int, int]:
    """Returns the steps of an epoch and of the run, `train_steps` taking precedence over `epochs`.

    Raises:
        ConfigError: there are fewer images than the global batch needs.
    """
    steps_per_epoch = batches_in_epoch(num_images, schedule.global_batch_size)
    return steps_per_epoch, schedule.train_steps or schedule.epochs * steps_per_epoch


def _check_directory(directory: RunDirectory, run: RunConfig) -> RunRecord | None:
    """Checks that the directory may be used; returns the record of the run to resume."""
    directory.check_unlocked()
    directory.check(resume=run.resume, overwrite=run.overwrite)
    return directory.read_record() if run.resume else None


def _with_crops(config: TrainConfig, source: Source) -> TrainConfig:
    """Returns the config with what views are cut from, so that the run is resumed with the same.

    Raises:
        ConfigError: they were to be cut from files, and the images are in no files.
    """
    has_sources = source.train.images.has_sources
    if config.augment.crop_from == "source" and not has_sources:
        raise ConfigError(
            f"--crop_from=source cuts views from image files, and --dataset={config.data.dataset} has none; leave it "
            "out."
        )
    augment = dataclasses.replace(config.augment, crop_from="source" if has_sources else "image")
    return dataclasses.replace(config, augment=augment)


def _with_layout(config: TrainConfig, source: Source) -> TrainConfig:
    """Returns the config with the layout that was found, so that the run is evaluated and resumed with the same."""
    if source.layout is None:
        return config
    layout = dataclasses.replace(config.data.layout, splits=source.layout.splits, labels=source.layout.labels)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, layout=layout))


def _describe(config: TrainConfig, source: Source, auxiliary: Branch | None) -> RunRecord:
    """Returns the record of a run on these images; its settings repeat the run without touching an earlier one."""
    kept = dataclasses.replace(config.run, resume=False, overwrite=False, dry_run=False)
    return RunRecord(
        config=dataclasses.replace(config, run=kept),
        image_shape=source.image_shape,
        class_names=source.class_names,
        num_train_images=len(source.train),
        reading=source.reading,
        fingerprint=fingerprint(source.train.images),
        auxiliary=auxiliary and auxiliary.describe(),
    )


def _begin(run: RunConfig, directory: RunDirectory, record: RunRecord, state: RunState, store: CheckpointStore) -> int:
    """Writes record and flags, or restores the newest checkpoint; returns the step to start at."""
    directory.check(resume=run.resume, overwrite=run.overwrite)  # again: other processes may have been here since
    directory.create(overwrite=run.overwrite)
    if not run.resume:
        directory.write_record(record)
    directory.write_flags(record.config)
    return state.restore(store) if run.resume else 0
