"""What `aag-train` can refuse at once."""

from aag_tf import config as configs
from aag_tf.config import TrainConfig, check_encoder
from aag_tf.config.encoder_names import APPLICATIONS
from aag_tf.preflight.datasets import check_dataset
from aag_tf.preflight.runs import check_trained
from aag_tf.runs.extended import read_extended
from aag_tf.runs.recorded_choices import with_recorded_choices
from aag_tf.runs.stored_run_directory import training_directory
from aag_tf.runs.weight_sources import RUN, WeightSource, find_weights, no_imagenet_weights
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.paths import same_place


def check(config: TrainConfig) -> None:
    """Checks the run directory, the data set, the name of the encoder and the weights to start from."""
    cluster = configs.cluster_from_environment()
    if cluster is None or cluster.is_chief:
        check_directory(config)
    config = with_recorded_choices(config)
    if config.encoder.encoder != configs.OWN or not (
        config.run.resume or config.start.init_from or config.start.extend
    ):
        check_encoder(config.encoder.encoder)
    check_start(config)
    check_data(config)


def check_directory(config: TrainConfig) -> None:
    """Checks that the run directory may be used, without touching it.

    Raises:
        RunDirectoryError: it may not.
    """
    with training_directory(config.run.run_dir) as directory:
        directory.check_unlocked()
        directory.check(resume=config.run.resume, overwrite=config.run.overwrite)


def check_start(config: TrainConfig, *, passed: bool = False) -> None:
    """Checks that the weights to start from, or the run to extend, are there; a resumed run has its checkpoints.

    Args:
        config: of the run.
        passed: whether an encoder was passed to `train`.

    Raises:
        ConfigError: they are not, or there are none where settings need them.
        RunDirectoryError: they are those of a run without a checkpoint.
    """
    name, encoder = config.start.init_from, config.encoder.encoder
    if config.start.extend is not None:
        if not config.run.resume:
            read_extended(config)
        return
    if name is None:
        if config.start.gentle and encoder != configs.OWN:
            raise ConfigError(
                f"{config.start.gentle[0]} is for weights that were trained before; name them with --init_from, or "
                "leave it out."
            )
        return
    if passed:
        raise ConfigError(
            f"train(encoder=...) starts from the weights of that model, and --init_from={name} names others; give one."
        )
    if config.run.resume:
        return
    source = find_weights(name, encoder)
    if source.kind == configs.IMAGENET:
        _check_imagenet(config, source)
    if source.kind == RUN:
        if same_place(name, config.run.run_dir):
            raise ConfigError(f"--init_from={name} is the --run_dir itself; name a new --run_dir.")
        check_trained(name)


def _check_imagenet(config: TrainConfig, source: WeightSource) -> None:
    encoder = config.encoder.encoder
    if encoder.lower() not in {name.lower() for name in APPLICATIONS}:
        raise ConfigError(
            f"--init_from={source.name} is for models of keras.applications, and --encoder={encoder} is none; give "
            "one, such as --encoder=EfficientNetV2B0."
        )
    if source.path is None and not config.data.download:
        raise no_imagenet_weights(encoder)


def check_data(config: TrainConfig, *, passed: bool = False) -> None:
    """Checks that the images to train on and those to monitor are there, and that a batch fits.

    Args:
        config: of the run.
        passed: whether the images to train on were passed to `train`.

    Raises:
        DataError: a data set is missing or empty.
        ConfigError: a batch is larger than the data.
    """
    if not passed:
        check_dataset(config.data, config.schedule.global_batch_size)
    if config.run.monitor_dataset is not None:
        check_dataset(config.data.for_other(config.run.monitor_dataset))
