"""What a run is: written into its directory when it begins, and compared with when it goes on."""

import dataclasses
import sys
from typing import Any

import keras
from absl import logging

from aag_tf import config as configs
from aag_tf.augment import Branch, strip_ignored_keys
from aag_tf.config import TrainConfig
from aag_tf.data import Source, fingerprint, same_pictures, same_pixels
from aag_tf.encoders import Description, describe_encoder, encoder_from, weight_shapes
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.versions import versions


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """What a run is made of beside its settings.

    Args:
        source: its images.
        auxiliary: the branch for auxiliary views that was handed to it.
        own_encoder: what its encoder is built from, where a model was handed to it.
    """

    source: Source
    auxiliary: Branch | None
    own_encoder: Description | None


def write_record(directory: RunDirectory, config: TrainConfig, facts: RunFacts) -> None:
    """Keeps what a run that begins is made of: this makes its directory a run's."""
    source = facts.source
    directory.write_record(
        {
            "flags": configs.to_flat(_kept(config)),
            "auxiliary": facts.auxiliary and facts.auxiliary.describe(),
            "own_encoder": facts.own_encoder,
            "image_shape": list(source.image_shape),
            "class_names": source.class_names,
            "num_train_images": len(source.train),
            "fingerprint": fingerprint(source.train.images),
            "command": sys.argv,
            "versions": versions(),
        }
    )


def write_flags(directory: RunDirectory, config: TrainConfig) -> None:
    """Keeps the flags that repeat a run, unless they are there."""
    if not directory.flags_file.exists():
        write_atomically(directory.flags_file, "\n".join(configs.flag_lines(_kept(config))) + "\n")


def _kept(config: TrainConfig) -> TrainConfig:
    return dataclasses.replace(config, run=dataclasses.replace(config.run, resume=False, overwrite=False))


def own_encoder_of(
    model: keras.Model | None, image_shape: tuple[int, int, int], record: dict[str, Any], *, begun: bool
) -> Description | None:
    """What the encoder is built from, where a model was handed over now, or when the run began.

    Args:
        model: what was handed over now.
        image_shape: of the images.
        record: of the run that goes on; empty for a new one.
        begun: whether that run has a checkpoint.

    Raises:
        ConfigError: the model is no encoder of such images.
        RunDirectoryError: the run began with another one, or its weights are needed again.
    """
    before = record.get("own_encoder")
    if model is None:
        if before is not None and not begun:
            raise RunDirectoryError(
                "--resume finds no checkpoint yet, so that the weights of the encoder which was handed over are not "
                "known; hand it over again, train(encoder=...), or start a new --run_dir."
            )
        return before
    if not record:
        return describe_encoder(model, image_shape)
    # By shapes, since names count up with every model that a process builds.
    if before is None or weight_shapes(encoder_from(before)) != weight_shapes(model):
        raise RunDirectoryError(
            f"--resume needs the encoder that the run began with, and {model.name} is another one; hand over that one, "
            "or none, or start a new --run_dir."
        )
    return before


def worker_consistency_key(
    config: TrainConfig, source: Source, auxiliary: Branch | None = None, encoder: keras.Model | None = None
) -> str:
    """What must be the same on all machines of a run, as text."""
    return (
        f"{configs.training_settings(config)}, resume {config.run.resume}, images {fingerprint(source.train.images)}, "
        f"steps_per_execution {config.schedule.steps_per_execution}, "
        f"encoder {encoder and weight_shapes(encoder)}, auxiliary branch {auxiliary and auxiliary.describe()}"
    )


def check_same_training_settings(
    config: TrainConfig, auxiliary: Branch | None, record: dict[str, Any], directory: RunDirectory
) -> None:
    """Refuses to go on with settings that would change what is learned.

    Raises:
        RunDirectoryError: they would.
    """
    changed = configs.changed_training_settings(config, record["flags"])
    if strip_ignored_keys(record.get("auxiliary")) != (auxiliary and auxiliary.describe()):
        changed.append("the auxiliary branch that was handed to train()")
    if changed:
        raise RunDirectoryError(
            f"--resume cannot change what is learned, nor what it is judged by: {', '.join(changed)}; give the run's "
            f"own values (--flagfile={directory.flags_file}), or start a new --run_dir."
        )


def check_same_images(config: TrainConfig, record: dict[str, Any], source: Source) -> None:
    """Refuses to go on with images that are not those the run was trained on.

    Raises:
        RunDirectoryError: they are not.
    """
    before = record["num_train_images"], record["image_shape"]
    now = len(source.train), list(source.image_shape)
    same_place = config.data.dataset == record["flags"]["dataset"]
    known, found = record.get("fingerprint", ""), fingerprint(source.train.images)
    unchanged = same_pixels(known, found)
    if before != now or not (same_place or unchanged) or not same_pictures(known, found):
        raise RunDirectoryError(
            f"--resume needs the images that the run was trained on, {before[0]} of shape {before[1]}; "
            f"--dataset={config.data.dataset} has {'other ones' if before == now else f'{now[0]} of shape {now[1]}'}; "
            "restore them, or start a new --run_dir."
        )
    if known and not unchanged:  # another version of a decoder is no reason to end a run
        logging.warning("images of %s have other pixels than when the run began; going on with them", source.name)
