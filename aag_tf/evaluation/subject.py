"""What is judged: an encoder from a run directory or from a SavedModel, with its untrained twin and its data set."""

import dataclasses
from typing import Any

import keras

from aag_tf import config as configs
from aag_tf.config import EvaluateConfig, TrainConfig
from aag_tf.evaluation.features import Encoder
from aag_tf.saved_model import load_saved_model
from aag_tf.trained import load_run, untrained_encoder


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained encoder and what it grew from.

    Args:
        facts: where it comes from, for the report.
        config: the settings it was trained with.
        image_shape: (height, width, channels) of its input.
        encoder: uint8 images to embeddings.
    """

    facts: dict[str, Any]
    config: TrainConfig
    image_shape: tuple[int, int, int]
    encoder: Encoder

    def untrained(self) -> keras.Model:
        """The same network with random weights from the run's seed."""
        return untrained_encoder(self.config.encoder, self.image_shape, self.config.schedule.seed)


def load_subject(config: EvaluateConfig) -> Subject:
    """The encoder that `--run_dir` or `--saved_model` names.

    Raises:
        RunDirectoryError: there is no trained run.
        ExportError: there is no SavedModel of ours.
    """
    if config.run_dir is not None:
        run = load_run(config.run_dir)
        return Subject({"run_dir": config.run_dir, "step": run.step}, run.config, run.image_shape, run.encoder)
    assert config.saved_model is not None
    model = load_saved_model(config.saved_model)
    facts = {"saved_model": str(model.path), "version": model.metadata["version"], "step": model.metadata["step"]}
    settings = configs.from_flat(TrainConfig, model.metadata["flags"])
    return Subject(facts, settings, model.image_shape, model)
