"""What `aag-train` can refuse at once."""

from aag_tf import config as configs
from aag_tf.config import DataConfig, TrainConfig, check_encoder
from aag_tf.preflight.datasets import check_dataset
from aag_tf.runs.recorded_choices import with_recorded_choices
from aag_tf.runs.stored_run_directory import training_directory


def check(config: TrainConfig) -> None:
    """Checks the run directory, the data set and the name of the encoder."""
    cluster = configs.cluster_from_environment()
    if cluster is None or cluster.is_chief:
        check_directory(config)
    config = with_recorded_choices(config)
    if not (config.run.resume and config.encoder.encoder == configs.OWN):
        check_encoder(config.encoder.encoder)
    check_data(config)


def check_directory(config: TrainConfig) -> None:
    """Checks that the run directory may be used, without touching it.

    Raises:
        RunDirectoryError: it may not.
    """
    with training_directory(config.run.run_dir) as directory:
        directory.check_unlocked()
        directory.check(resume=config.run.resume, overwrite=config.run.overwrite)


def check_data(config: TrainConfig) -> None:
    """Checks that the images to train on and those to monitor are there, and that a batch fits.

    Raises:
        DataError: a data set is missing or empty.
        ConfigError: a batch is larger than the data.
    """
    check_dataset(config.data, config.schedule.global_batch_size)
    if config.run.monitor_dataset is not None:
        check_dataset(
            DataConfig(config.run.monitor_dataset, data_dir=config.data.data_dir, download=config.data.download)
        )
