"""What is judged: an encoder from a run directory, a SavedModel or a Keras file, with what it grew from."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from aag_tf.config import AugmentConfig, DataConfig, EvaluateConfig, TrainConfig
from aag_tf.encoders import (
    Description,
    build_encoder,
    dtype_policy,
    finalize_normalization,
    has_fitted_layers,
    untrained_encoder,
)
from aag_tf.evaluation.candidate import Network
from aag_tf.evaluation.features import Encoder
from aag_tf.evaluation.subjects.keras_model import encoder_of, load_foreign_keras_model, untrained_copy
from aag_tf.evaluation.subjects.saved_model import load_foreign_saved_model
from aag_tf.runs.exported import METADATA_FILE, load_saved_model, version_directory
from aag_tf.runs.run import load_run
from aag_tf.utils.files import user_path


@dataclasses.dataclass(frozen=True)
class Subject:
    """An encoder and what is known of it.

    Args:
        facts: where it comes from, for the report.
        image_shape: (height, width, channels) of its input, `None` where it takes any.
        encoder: uint8 images to embeddings.
        data: what it was trained on, `None` where unknown.
        augment: the settings of its main branch, the default ones where unknown.
        seed: of its untrained weights.
        network: builds a copy that may be trained; `None` where it cannot be.
        untrained: builds the same network with random weights; `None` where it cannot be.
        num_train_images, fingerprint: of the images that it was trained on, `None` where unknown.
    """

    facts: dict[str, Any]
    image_shape: tuple[int | None, int | None, int | None]
    encoder: Encoder
    data: DataConfig | None = None
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    seed: int = 0
    network: Network | None = None
    untrained: Network | None = None
    num_train_images: int | None = None
    fingerprint: str | None = None


def load_subject(config: EvaluateConfig) -> Subject:
    """The encoder that `--run_dir`, `--saved_model` or `--keras_model` names.

    Raises:
        RunDirectoryError: there is no trained run.
        ExportError: there is no SavedModel.
        EvaluationError: somebody else's model does not map images to vectors, or needs more said about it.
    """
    if config.run_dir is not None:
        return _from_run(config.run_dir, config.checkpoint)
    if config.keras_model is not None:
        return _from_keras_model(config.keras_model, config)
    assert config.saved_model is not None
    directory = version_directory(user_path(config.saved_model))
    ours = (directory / METADATA_FILE).is_file() and config.signature is None and config.input_range is None
    return _from_saved_model(directory) if ours else _from_foreign_saved_model(directory, config)


def _from_run(run_dir: str, checkpoint: str) -> Subject:
    run = load_run(run_dir, checkpoint)
    facts = {"run_dir": run_dir, "step": run.step}

    def fresh() -> keras.Model:  # of the weights at hand: a run that is still trained writes newer ones meanwhile
        with dtype_policy("float32"):
            copy = build_encoder(run.config.encoder, run.image_shape, run.own_encoder)
        copy.set_weights(run.encoder.get_weights())
        finalize_normalization(copy)
        return copy

    subject = _known(facts, run.image_shape, run.encoder, run.config, own_encoder=run.own_encoder, network=fresh)
    return dataclasses.replace(subject, num_train_images=run.num_train_images, fingerprint=run.fingerprint)


def _from_saved_model(directory: Path) -> Subject:
    model = load_saved_model(directory)
    metadata = model.metadata
    facts = {"saved_model": str(model.path), "version": metadata.version, "step": metadata.step}
    subject = _known(facts, model.image_shape, model, metadata.config, own_encoder=metadata.own_encoder)
    return dataclasses.replace(subject, num_train_images=metadata.num_train_images, fingerprint=metadata.fingerprint)


def _from_foreign_saved_model(directory: Path, config: EvaluateConfig) -> Subject:
    model = load_foreign_saved_model(directory, config.signature, config.input_range)
    facts = {
        "saved_model": str(directory),
        "signature": model.name,
        "input_range": model.input_range,
        "image_shape": list(model.image_shape),
    }
    return Subject(facts, model.image_shape, model)


def _from_keras_model(path: str, config: EvaluateConfig) -> Subject:
    model, encoder = load_foreign_keras_model(path, config.input_range)
    shape = tuple(encoder.input_shape[1:])
    facts = {
        "keras_model": path,
        "encoder": model.name,
        "input_range": config.input_range or "0..255",
        "image_shape": list(shape),
    }

    def fresh() -> keras.Model:
        return load_foreign_keras_model(path, config.input_range)[1]

    def untrained() -> keras.Model:
        return encoder_of(untrained_copy(model, config.protocol.seed), path, config.input_range)

    return Subject(facts, shape, encoder, seed=config.protocol.seed, network=fresh, untrained=untrained)


def _known(
    facts: dict[str, Any],
    image_shape: tuple[int, int, int],
    encoder: Encoder,
    config: TrainConfig,
    *,
    own_encoder: Description | None,
    network: Network | None = None,
) -> Subject:
    """The subject of a training of ours."""
    seed = config.schedule.seed

    copied = own_encoder is not None and isinstance(encoder, keras.Model)

    def untrained() -> keras.Model:
        if copied:
            return untrained_copy(encoder, seed)
        return untrained_encoder(config.encoder, image_shape, seed, own_encoder)

    # What a layer was fitted to is in a run's checkpoints, and not in what an exported encoder says of itself.
    unknown = own_encoder is not None and not copied and has_fitted_layers(own_encoder)

    name = config.encoder.encoder if own_encoder is None else own_encoder["config"]["name"]
    return Subject(
        facts | {"encoder": name, "image_shape": list(image_shape)},
        image_shape,
        encoder,
        data=config.data,
        augment=config.augment,
        seed=seed,
        network=network,
        untrained=None if unknown else untrained,
    )
