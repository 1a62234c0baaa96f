"""The layout of a run's data set: found once, at its beginning, and kept however often the run is resumed."""

import dataclasses

from aag_tf.config import TrainConfig
from aag_tf.config.layout import AUTO
from aag_tf.runs.run_directory import RunDirectory


def with_recorded_layout(config: TrainConfig) -> TrainConfig:
    """Returns the config with what the run to resume recorded of its layout, where the config leaves that to names.

    Without `resume` it is the config itself.

    Raises:
        RunDirectoryError: the record of the run is damaged.
    """
    directory = RunDirectory(config.run.run_dir)
    layout = config.data.layout
    if not config.run.resume or AUTO not in (layout.splits, layout.labels) or not directory.record.is_file():
        return config
    before = directory.read_record().config.data.layout
    kept = dataclasses.replace(
        layout,
        splits=before.splits if layout.splits == AUTO else layout.splits,
        labels=before.labels if layout.labels == AUTO else layout.labels,
    )
    return dataclasses.replace(config, data=dataclasses.replace(config.data, layout=kept))
