"""The precision of a run: chosen once at its beginning, and kept however often it is resumed."""

import dataclasses

from aag_tf.config import TrainConfig
from aag_tf.distribute.precision import check_bfloat16, resolve_precision
from aag_tf.runs.recorded_choices import earlier_directory


def with_precision(config: TrainConfig) -> TrainConfig:
    """Returns the config with `--precision=auto` replaced by that of the earlier run, or by this machine's best.

    Call it before networks are built. On several machines only the first may see the run directory; the others choose
    by their own hardware, and training begins only where all have chosen alike.

    Raises:
        RunDirectoryError: the record of the run to resume or extend is damaged.
        ConfigError: this machine cannot compute in that precision.
    """
    precision = config.schedule.precision
    directory = earlier_directory(config)
    if precision == "auto" and directory is not None:
        directory.fetch(checkpoints=False)
        if directory.record.is_file():
            precision = directory.read_record().config.schedule.precision
    schedule = dataclasses.replace(config.schedule, precision=precision)
    schedule = dataclasses.replace(schedule, precision=resolve_precision(schedule))
    check_bfloat16(schedule)
    return dataclasses.replace(config, schedule=schedule)
