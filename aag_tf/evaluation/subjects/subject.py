"""The evaluated encoder: from a run directory, a SavedModel or a Keras file, with what is known of its training."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import keras

from aag_tf.config import AugmentConfig, EvaluateConfig
from aag_tf.config.embed_views import check_mirrored
from aag_tf.data.files.resizing import rounded
from aag_tf.encoders import (
    average_views,
    build_encoder,
    dtype_policy,
    finalize_normalization,
    has_fitted_layers,
    untrained_encoder,
)
from aag_tf.evaluation.feature_set import Network
from aag_tf.evaluation.features import Encoder
from aag_tf.evaluation.subjects.keras_model import encoder_of, load_foreign_keras_model, untrained_copy
from aag_tf.evaluation.subjects.saved_model import load_foreign_saved_model
from aag_tf.runs import RunRecord, load_run
from aag_tf.runs.export_directory import METADATA_FILE, version_directory
from aag_tf.runs.exported import load_saved_model, read_metadata
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named

Shape = tuple[int | None, int | None, int | None]


@dataclasses.dataclass(frozen=True)
class Subject:
    """An encoder to evaluate.

    Args:
        facts: its path, step or version, name and image shape, for the results.
        image_shape: (height, width, channels) of its input, `None` for any size.
        encoder: uint8 images to embeddings; that of a run to those of one view.
        record: of the run that trained it; `None` for models of others.
        seed: of its untrained weights.
        network: builds a copy that may be trained; `None` where that is impossible.
        untrained: builds the same network with random weights; `None` where that is impossible.
        embed_views: fixed views of an image whose embeddings are averaged, where it is a Keras model and of what
            `network` and `untrained` build; any other encoder averages by itself.
    """

    facts: dict[str, Any]
    image_shape: Shape
    encoder: Encoder
    record: RunRecord | None = None
    seed: int = 0
    network: Network | None = None
    untrained: Network | None = None
    embed_views: int = 1

    @property
    def augment(self) -> AugmentConfig:
        """Settings of the main branch in its training, by default those of this package."""
        return AugmentConfig() if self.record is None else self.record.config.augment

    @property
    def shown_bands(self) -> str | None:
        """Bands that pictures show of its images, as `--shown_bands` of its training; `None` for the first ones."""
        return None if self.record is None else self.record.config.data.reading.shown_bands

    @property
    def size_from(self) -> str:
        """What decides the size of its images, in words: the encoder, or a flag where it takes any."""
        return "--image_size" if None in self.image_shape[:2] else "as the encoder takes them"


def load_subject(config: EvaluateConfig) -> Subject:
    """Loads the encoder that `--run_dir`, `--saved_model` or `--keras_model` names.

    Raises:
        RunDirectoryError: there is no trained run.
        ExportError: there is no SavedModel.
        EvaluationError: a model of others does not map images to vectors, or its signature or range is unknown; or an
            export averages views already.
        ConfigError: views are mirrored, and the training did without flips.
    """
    if config.run_dir is not None:
        return _from_run(config.run_dir, config.checkpoint, config.embed_views)
    if config.keras_model is not None:
        _say_one_view(config.keras_model, config)
        return _from_keras_model(config.keras_model, config)
    assert config.saved_model is not None
    directory = version_directory(config.saved_model)
    ours = (directory / METADATA_FILE).is_file() and config.signature is None and config.input_range is None
    return _from_saved_model(directory, config) if ours else _from_foreign_saved_model(directory, config)


def _from_run(run_dir: str, checkpoint: str, embed_views: int) -> Subject:
    run = load_run(run_dir, checkpoint)
    record = run.record

    def fresh() -> keras.Model:  # with the weights in memory: a run that is still training replaces its checkpoints
        with dtype_policy("float32"):
            copy = build_encoder(record.config.encoder, record.image_shape, record.custom_encoder)
        copy.set_weights(run.encoder.get_weights())
        finalize_normalization(copy)
        return copy

    return _trained(run.encoder, {"run_dir": run_dir, "step": run.step}, record, fresh, embed_views)


def _from_saved_model(directory: Path, config: EvaluateConfig) -> Subject:
    inside, asked = read_metadata(directory).embed_views, config.embed_views
    if inside > 1 and asked > 1:
        raise EvaluationError(
            f"{named(directory)} gives the mean over {inside} views of an image already, and --embed_views={asked} "
            "would cut views of these views; leave it out."
        )
    model = load_saved_model(directory, trust_model=config.trust_model)
    metadata = model.metadata
    facts = {"saved_model": named(model.path), "version": metadata.version, "step": metadata.step}
    encoder: Encoder = model
    if asked > 1:
        encoder = average_views(lambda views: model(rounded(views)), asked)  # an export takes bytes
    return _trained(encoder, facts, metadata.record, embed_views=max(inside, asked))


def _trained(
    encoder: Encoder,
    facts: dict[str, Any],
    record: RunRecord,
    network: Network | None = None,
    embed_views: int = 1,
) -> Subject:
    """Returns the subject of a training of ours."""
    check_mirrored(embed_views, flip=record.config.augment.flip)
    config, custom, shape = record.config.encoder, record.custom_encoder, record.image_shape
    seed = record.config.schedule.seed
    untrained: Network | None
    if custom is not None and isinstance(encoder, keras.Model):
        untrained = functools.partial(untrained_copy, encoder, seed)
    elif custom is not None and has_fitted_layers(custom):
        untrained = None  # an export does not say what these layers were fitted to
    else:
        untrained = functools.partial(untrained_encoder, config, shape, seed, custom)
    name = config.encoder if custom is None else custom["config"]["name"]
    facts = facts | {"encoder": name, "image_shape": list(shape)}
    if embed_views > 1:
        facts |= {"embed_views": embed_views}
    return Subject(facts, shape, encoder, record, seed, network, untrained, embed_views)


def _say_one_view(name: str, config: EvaluateConfig) -> None:
    if config.embed_views > 1:
        logger.warning(
            f"--embed_views={config.embed_views} is for runs and exports of ours; {name} is evaluated as it is, by one "
            "view of an image."
        )


def _from_foreign_saved_model(directory: Path, config: EvaluateConfig) -> Subject:
    _say_one_view(named(directory), config)
    model = load_foreign_saved_model(directory, config.signature, config.input_range, trust_model=config.trust_model)
    if not config.trust_model:
        logger.info(
            f"{named(directory)} was not written by aag-export. Its operations were looked at: they compute, and can "
            "read or write no file."
        )
    facts = {
        "saved_model": named(directory),
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
    seed = config.protocol.seed

    def fresh() -> keras.Model:
        return load_foreign_keras_model(path, config.input_range)[1]

    def untrained() -> keras.Model:
        return encoder_of(untrained_copy(model, seed), path, config.input_range)

    return Subject(facts, shape, encoder, seed=seed, network=fresh, untrained=untrained)
