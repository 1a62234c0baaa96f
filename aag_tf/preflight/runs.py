"""Whether a trained run and its data set are there."""

import dataclasses

from aag_tf.config import DataConfig
from aag_tf.preflight.datasets import check_dataset
from aag_tf.runs.run_directory import RunDirectory


def check_trained(run_dir: str) -> DataConfig:
    """Checks that a run exists and has begun to write checkpoints; returns its data settings.

    Raises:
        RunDirectoryError: it does not.
    """
    directory = RunDirectory(run_dir)
    directory.fetch()
    record = directory.read_record()
    if not any(directory.checkpoints.glob("step-*")):
        raise directory.no_checkpoint()
    return record.config.data


def check_same_dataset(data: DataConfig, *, data_dir: str | None = None, download: bool = False) -> None:
    """Checks that the data set of a run is still there.

    Args:
        data: settings of the run.
        data_dir: where it lies now, if given.
        download: whether it may be downloaded.

    Raises:
        DataError: it is not.
    """
    check_dataset(dataclasses.replace(data, data_dir=data_dir or data.data_dir, download=download))
