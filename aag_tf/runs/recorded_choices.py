"""What a run found out about its data set at its beginning, and keeps however often it is resumed."""

import dataclasses

from aag_tf.config import TrainConfig
from aag_tf.config.layout import AUTO
from aag_tf.runs.run_directory import RunDirectory


def with_recorded_choices(config: TrainConfig) -> TrainConfig:
    """Returns the config with what the run to resume recorded, where the config leaves that to names and files.

    These are the layout of the data set, and what views are cut from. Without `resume` it is the config itself.

    Raises:
        RunDirectoryError: the record of the run is damaged.
    """
    directory = RunDirectory(config.run.run_dir)
    layout, augment = config.data.layout, config.augment
    left_open = AUTO in (layout.splits, layout.labels, augment.crop_from)
    if not config.run.resume or not left_open:
        return config
    directory.fetch(checkpoints=False)
    if not directory.record.is_file():
        return config
    before = directory.read_record().config
    kept = dataclasses.replace(
        layout,
        splits=before.data.layout.splits if layout.splits == AUTO else layout.splits,
        labels=before.data.layout.labels if layout.labels == AUTO else layout.labels,
    )
    if augment.crop_from == AUTO:
        augment = dataclasses.replace(augment, crop_from=before.augment.crop_from)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, layout=kept), augment=augment)
