"""From a run directory back to its networks: a verified checkpoint in a newly built encoder and projector."""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from aag_tf.encoders import build_networks, dtype_policy, finalize_normalization, plain_encoder
from aag_tf.runs.checkpoints import CheckpointStore, restore
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A trained encoder and the record of its run.

    Args:
        record: settings and facts of the run.
        encoder: images (uint8 or float in [0, 255]) to float32 embeddings; float32 throughout.
        projector: embeddings to projections.
        step: optimizer steps that the weights have seen.
    """

    record: RunRecord
    encoder: keras.Model
    projector: keras.Model
    step: int

    def keras_encoder(self) -> keras.Model:
        """Returns a copy of the encoder made of Keras's own layers alone, in float32.

        A file of it (`model.save("encoder.keras")`) opens with `keras.models.load_model` where this package is not
        installed. It maps uint8 or float images in [0, 255] to the same embeddings; scaling is its first layer.

        Raises:
            ConfigError: the encoder has a layer of a class that is not Keras's own.
        """
        return plain_encoder(self.encoder)


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
    directory.fetch()
    record = directory.read_record()
    chosen = CheckpointStore(directory.checkpoints).choose(checkpoint)
    if chosen is None:
        raise directory.no_checkpoint()
    config = record.config
    with dtype_policy("float32"):
        networks = build_networks(config.encoder, config.projector, record.image_shape, record.custom_encoder)
    encoder, projector = networks
    name = "average_encoder" if config.optimizer.ema_momentum > 0 else "encoder"
    restored = restore(chosen, tf.train.Checkpoint(projector=projector, **{name: encoder}))
    restored.assert_existing_objects_matched().expect_partial()
    finalize_normalization(encoder)
    return TrainedRun(record, encoder, projector, chosen.step)
