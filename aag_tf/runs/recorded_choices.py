"""What a run found out about its data set at its beginning, and keeps however often it is resumed or extended."""

import dataclasses

from aag_tf.config import TrainConfig
from aag_tf.config.layout import AUTO
from aag_tf.runs.run_directory import RunDirectory


def earlier_directory(config: TrainConfig) -> RunDirectory | None:
    """Returns the directory of the run to resume, else of the run to extend; `None` for a run that begins anew."""
    if config.run.resume:
        return RunDirectory(config.run.run_dir)
    return None if config.start.extend is None else RunDirectory(config.start.extend)


def with_recorded_choices(config: TrainConfig) -> TrainConfig:
    """Returns the config with what the run to resume or extend recorded, where the config leaves that open.

    These are the layout of the data set, whether links are followed, what views are cut from, and what the encoder
    scales pixels to, and the warm-up of an extended run. A run that begins anew keeps its config.

    Raises:
        RunDirectoryError: the record of the run is damaged.
    """
    directory = earlier_directory(config)
    layout, augment, encoder, optimizer = config.data.layout, config.augment, config.encoder, config.optimizer
    left_open = AUTO in (layout.splits, layout.labels, augment.crop_from, encoder.input_range)
    left_open = left_open or layout.follow_symlinks is None or config.start.extend is not None
    if directory is None or not left_open:
        return config
    directory.fetch(checkpoints=False)
    if not directory.record.is_file():
        return config
    before = directory.read_record().config
    follow = layout.follow_symlinks
    kept = dataclasses.replace(
        layout,
        splits=before.data.layout.splits if layout.splits == AUTO else layout.splits,
        labels=before.data.layout.labels if layout.labels == AUTO else layout.labels,
        follow_symlinks=before.data.layout.follow_symlinks if follow is None else follow,
    )
    if augment.crop_from == AUTO:
        augment = dataclasses.replace(augment, crop_from=before.augment.crop_from)
    if encoder.input_range == AUTO:
        encoder = dataclasses.replace(encoder, input_range=before.encoder.input_range)
    if config.start.extend is not None and optimizer.warmup_steps is None:
        optimizer = dataclasses.replace(optimizer, warmup_steps=before.optimizer.warmup_steps)
    data = dataclasses.replace(config.data, layout=kept)
    return dataclasses.replace(config, data=data, augment=augment, encoder=encoder, optimizer=optimizer)
