"""What a run found out about its images and weights, as settings and as the record that it is resumed by."""

import dataclasses

from aag_tf.augment import Branch
from aag_tf.config import TrainConfig
from aag_tf.data import Source, fingerprint
from aag_tf.runs import RunRecord
from aag_tf.runs.arithmetic import Arithmetic
from aag_tf.training.local_shards import LocalShards
from aag_tf.utils.errors import ConfigError


def with_crops(config: TrainConfig, source: Source) -> TrainConfig:
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


def with_input_range(config: TrainConfig, input_range: str) -> TrainConfig:
    """Returns the config with what the encoder scales pixels to, so that it is built again with the same."""
    return dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, input_range=input_range))


def with_layout(config: TrainConfig, source: Source) -> TrainConfig:
    """Returns the config with the layout that was found, so that the run is evaluated and resumed with the same."""
    if source.layout is None:
        return config
    layout = dataclasses.replace(config.data.layout, splits=source.layout.splits, labels=source.layout.labels)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, layout=layout))


def describe(
    config: TrainConfig,
    source: Source,
    auxiliary: Branch | None,
    arithmetic: Arithmetic,
    local: LocalShards | None = None,
) -> RunRecord:
    """Returns the record of a run on these images; its settings repeat the run without touching an earlier one."""
    kept = dataclasses.replace(config.run, resume=False, overwrite=False, dry_run=False)
    return RunRecord(
        config=dataclasses.replace(config, run=kept),
        image_shape=source.image_shape,
        class_names=source.class_names,
        num_train_images=len(source.train) if local is None else sum(local.counts),
        reading=source.reading,
        fingerprint=fingerprint(source.train.images) if local is None else None,
        local_shards=None if local is None else local.facts,
        auxiliary=auxiliary and auxiliary.describe(),
        arithmetic=arithmetic,
    )
