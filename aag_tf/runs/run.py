"""From a run directory back to its networks: a verified checkpoint in a freshly built encoder and projector."""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from aag_tf import config as configs
from aag_tf.config import TrainConfig
from aag_tf.encoders import Description, build_networks, dtype_policy, finalize_normalization
from aag_tf.runs.checkpoints import CheckpointStore, restore
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import RunDirectoryError


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A trained encoder with what is known of it.

    Args:
        config: the settings it was trained with.
        encoder: images (uint8 or float in [0, 255]) to float32 embeddings; float32 throughout.
        projector: embeddings to projections.
        step: optimizer steps that the weights have seen.
        image_shape: (height, width, channels).
        class_names: of the training data, where known.
        own_encoder: what the encoder is built from, where it was handed to `train` as a model.
        num_train_images, fingerprint: of the images that it was trained on; see `aag_tf.data.fingerprint`.
    """

    config: TrainConfig
    encoder: keras.Model
    projector: keras.Model
    step: int
    image_shape: tuple[int, int, int]
    class_names: list[str] | None
    own_encoder: Description | None = None
    num_train_images: int | None = None
    fingerprint: str | None = None


def load_run(run_dir: str | Path, checkpoint: str = "latest") -> TrainedRun:
    """Rebuilds the networks of a run in float32 and restores one of its checkpoints, verified.

    The encoder is that of averaged weights where the run kept an average (`ema_momentum`).

    Args:
        run_dir: the run directory.
        checkpoint: `latest`, or `best` for the one with the highest kNN accuracy on held-out images. Where it is
            damaged, the one before it is taken, and a line logged.

    Raises:
        RunDirectoryError: there is no run, it has no checkpoint yet, or all of them are damaged.
    """
    directory = RunDirectory(run_dir)
    record = directory.read_record()
    config = configs.from_flat(TrainConfig, record["flags"])
    image_shape = tuple(record["image_shape"])
    chosen = CheckpointStore(directory.checkpoints).choose(checkpoint)
    if chosen is None:
        raise RunDirectoryError(f"{directory.path} has no checkpoint yet; let aag-train run until it has written one.")
    with dtype_policy("float32"):
        encoder, projector = build_networks(config.encoder, config.projector, image_shape, record.get("own_encoder"))
    name = "average_encoder" if config.optimizer.ema_momentum > 0 else "encoder"
    networks = tf.train.Checkpoint(projector=projector, **{name: encoder})
    restore(chosen, networks).assert_existing_objects_matched().expect_partial()
    finalize_normalization(encoder)
    return TrainedRun(
        config,
        encoder,
        projector,
        chosen.step,
        image_shape,
        class_names=record.get("class_names"),
        own_encoder=record.get("own_encoder"),
        num_train_images=record.get("num_train_images"),
        fingerprint=record.get("fingerprint"),
    )
