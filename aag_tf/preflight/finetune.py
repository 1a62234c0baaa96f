"""What `aag-finetune` can refuse at once."""

from aag_tf.config import IMAGENET, OWN, DataConfig, FinetuneConfig
from aag_tf.preflight.datasets import check_dataset
from aag_tf.preflight.outputs import check_output
from aag_tf.preflight.runs import check_same_dataset, check_trained
from aag_tf.runs.weight_sources import EXPORT, RUN, WeightSource, find_weights
from aag_tf.utils.errors import ConfigError, FinetuneError

STARTED_FILE = "started.json"  # in every output of the command, from its beginning on
PASSED_IMAGES = "the encoder was trained on images that were passed to train(); name labeled images with --dataset."


def check(config: FinetuneConfig) -> None:
    """Checks that the encoder and the labeled images are there, and that the output may be written."""
    check_finetune_output(config)
    source = find_encoder(config.init_from)
    if source.kind == RUN:
        data = check_trained(source.name)
        if config.dataset is None:
            if data.dataset == OWN:
                raise FinetuneError(PASSED_IMAGES)
            check_same_dataset(data, data_dir=config.data_dir, download=config.download)
    if config.dataset is not None:
        check_dataset(
            DataConfig(config.dataset, data_dir=config.data_dir, download=config.download, layout=config.layout)
        )


def find_encoder(name: str) -> WeightSource:
    """Finds out what `--init_from` names.

    Raises:
        ConfigError: there is no such thing, or it is weights without a network.
    """
    if name == IMAGENET or name.endswith(".h5"):
        raise ConfigError(
            f"--init_from={name} has weights and no network; name a run directory, an export with --formats=keras, or "
            "a .keras file."
        )
    source = find_weights(name, "")
    assert source.kind in (RUN, EXPORT) or source.name.endswith(".keras")
    return source


def check_finetune_output(config: FinetuneConfig) -> None:
    """Checks that the output may be written.

    Raises:
        FinetuneError: it may not.
    """
    ways = {"resume": config.resume}
    check_output(config.output, STARTED_FILE, "aag-finetune", FinetuneError, ways, overwrite=config.overwrite)
