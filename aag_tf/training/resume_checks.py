"""Checks that a run goes on as it began: settings, images, custom encoder, and the same of all on every machine."""

import keras

from aag_tf import config as configs
from aag_tf.augment import Branch, strip_ignored_keys
from aag_tf.config import TrainConfig
from aag_tf.data import same_pictures, same_pixels
from aag_tf.encoders import Description, describe_encoder, encoder_from, weight_shapes
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.runs.extended import ways_to_go_on
from aag_tf.training.step_range import plan_steps
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named


def check_same_training_settings(
    config: TrainConfig, auxiliary: Branch | None, before: RunRecord, directory: RunDirectory
) -> None:
    """Checks that the settings that decide what is learned are those of the record.

    Raises:
        RunDirectoryError: one differs.
    """
    changed = configs.changed_training_settings(config, before.flags)
    length = [change for change in changed if change.startswith(("--epochs ", "--train_steps "))]
    if strip_ignored_keys(before.auxiliary) != (auxiliary and auxiliary.describe()):
        changed.append("the auxiliary branch that was passed to train()")
    if changed:
        another = "start a new --run_dir"
        if length:
            another = _way_to_go_on(config, before, directory) or another
        raise RunDirectoryError(
            f"--resume cannot change what is learned, nor how the best checkpoint is chosen: {', '.join(changed)}; "
            f"give the run's own values (--flagfile={named(directory.flags_file)}), or {another}."
        )


def _way_to_go_on(config: TrainConfig, before: RunRecord, directory: RunDirectory) -> str | None:
    """Returns how the run is made longer, where that was asked for."""
    if before.num_train_images is None or before.local_shards is not None:
        return None
    (_, done), (_, total) = (
        plan_steps(each, before.num_train_images) for each in (before.config.schedule, config.schedule)
    )
    return ways_to_go_on(directory, before, done=done, total_steps=total) if total > done else None


def check_same_images(now: RunRecord, before: RunRecord, flag: str = "--resume") -> None:
    """Checks that the training images are those that the run began with, wherever they lie now.

    Args:
        now: the images that were found.
        before: those of the run that goes on.
        flag: how it goes on.

    Raises:
        RunDirectoryError: their number, shape or content differs, or the machine that each is trained on by.
    """
    sizes = [(record.num_train_images, list(record.image_shape)) for record in (before, now)]
    same_place = now.config.data.dataset == before.config.data.dataset
    known, found = before.fingerprint or "", now.fingerprint or ""
    unchanged = same_pixels(known, found)
    if sizes[0] != sizes[1] or not (same_place or unchanged) or not same_pictures(known, found):
        difference = "other ones" if sizes[0] == sizes[1] else f"{sizes[1][0]} of shape {sizes[1][1]}"
        raise RunDirectoryError(
            f"{flag} needs the images that the run was trained on, {sizes[0][0]} of shape {sizes[0][1]}; "
            f"--dataset={now.config.data.dataset} has {difference}; restore them, or start a new --run_dir."
        )
    if known and not unchanged:  # another version of a decoder is no reason to end a run
        dataset = now.config.data.dataset
        logger.warning("images of %s have other pixels than when the run began; going on with them", dataset)
    _check_same_shards(now, before)


def describe_custom_encoder(
    model: keras.Model | None,
    image_shape: tuple[int, int, int],
    before: RunRecord | None,
    *,
    has_checkpoint: bool,
    flag: str = "--resume",
) -> Description | None:
    """Returns the description that the encoder is built from, where one was passed to `train` now or at the beginning.

    Args:
        model: the encoder that was passed now.
        image_shape: of the images.
        before: the record of the run that goes on.
        has_checkpoint: whether that run has one.
        flag: how it goes on.

    Raises:
        ConfigError: the model is no encoder of such images.
        RunDirectoryError: the run began with another encoder, or its weights are needed again.
    """
    known = None if before is None else before.custom_encoder
    if model is None:
        if known is not None and not has_checkpoint:
            raise RunDirectoryError(
                "--resume finds no checkpoint yet, so that the weights of the encoder that was passed to train() are "
                "not known; pass it again, train(encoder=...), or start a new --run_dir."
            )
        return known
    if before is None:
        return describe_encoder(model, image_shape)
    # Compared by shapes, since names count up with every model that a process builds.
    if known is None or weight_shapes(encoder_from(known)) != weight_shapes(model):
        raise RunDirectoryError(
            f"{flag} needs the encoder that the run began with, and {model.name} is another one; pass that one, or "
            "none, or start a new --run_dir."
        )
    return known


def worker_consistency_key(config: TrainConfig, record: RunRecord, custom_encoder: keras.Model | None = None) -> str:
    """Returns everything that must be the same on all machines of a run, as text.

    Args:
        config: the settings that this machine was started with.
        record: of the run, as this machine sees it.
        custom_encoder: the encoder that was passed to `train`; compared by the shapes of its weights.
    """
    return (
        f"{configs.training_settings(config)}, resume {config.run.resume}, images {record.fingerprint}, "
        f"shards {record.local_shards}, "
        f"steps_per_execution {config.schedule.steps_per_execution}, "
        f"encoder {custom_encoder and weight_shapes(custom_encoder)}, auxiliary branch {record.auxiliary}"
    )


def _check_same_shards(now: RunRecord, before: RunRecord) -> None:
    """Checks that the files of a pack lie where they lay when the run began.

    Raises:
        RunDirectoryError: a machine trains on other ones.
    """
    if now.local_shards == before.local_shards or now.local_shards is None or before.local_shards is None:
        return
    if now.local_shards["digest"] != before.local_shards["digest"]:
        raise RunDirectoryError(
            f"--resume needs the pack that the run was trained on, and {now.config.data.dataset} is another one; "
            "restore it, or start a new --run_dir."
        )
    had, has = (local["workers"] for local in (before.local_shards, now.local_shards))
    if len(had) != len(has):
        raise RunDirectoryError(
            f"--resume with --local_shards needs the {len(had)} machines that the run began on, and there are "
            f"{len(has)}; start as many, or a new --run_dir."
        )
    worker = next(number for number in range(len(had)) if had[number] != has[number])
    raise RunDirectoryError(
        f"--resume with --local_shards needs the files of the pack on the machines that had them: worker {worker} "
        f"trained on the files {_numbers(had[worker])} of its train split, and would now on {_numbers(has[worker])}; "
        "move them back, or start a new --run_dir."
    )


def _numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
