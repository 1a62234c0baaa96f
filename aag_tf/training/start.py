"""The weights that a run starts from, `--init_from`, fitted to its networks."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aag_tf.config import IMAGENET, OWN, EncoderConfig, StartConfig, TrainConfig
from aag_tf.encoders import Description, describe_encoder, weight_shapes
from aag_tf.encoders.channels import fit_channels
from aag_tf.encoders.imagenet import download, imagenet_encoder
from aag_tf.encoders.matching import USUAL_RANGE, find_by_weights, find_equal
from aag_tf.runs import RunRecord
from aag_tf.runs.pretrained import Pretrained, open_pretrained, source_facts
from aag_tf.runs.weight_sources import WEIGHTS, WeightSource, find_weights, no_imagenet_weights
from aag_tf.training.model import AAG
from aag_tf.utils.errors import ConfigError, RunDirectoryError
from aag_tf.utils.log import logger

Arrays = list[np.ndarray]
Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """Weights to start from.

    Args:
        encoder: in the order of the encoder's weights, maybe for images of another number of channels.
        facts: what the record says of them: `source`, `kind`, `sha256`, and of a run or an export its `step`.
        input_range: what the encoder scales pixels to.
        projector: in the order of the projector's weights, where they are known.
        description: of the encoder, where it is that of the source and not one that the settings name.
    """

    encoder: Arrays
    facts: dict[str, Any]
    input_range: str = USUAL_RANGE
    projector: Arrays | None = None
    description: Description | None = None

    def give(self, model: AAG, settings: StartConfig) -> dict[str, Any]:
        """Sets the weights of a model, those of its projector if they fit; returns what the record says of them.

        The first convolution may take images of another number of channels (`aag_tf.encoders.channels`).

        Raises:
            ConfigError: the encoder is another network, or nothing is new although new parts are to be warmed up.
        """
        weights = fit_channels(self.encoder, weight_shapes(model.encoder))
        if weights is None:
            raise ConfigError(
                f"the weights of --init_from={self.facts['source']} do not fit this run's encoder "
                f"({_difference(self.encoder, model.encoder)}); give the --encoder, --width and --stem that they were "
                "trained with."
            )
        known = self.projector
        fits = known is not None and [each.shape for each in known] == weight_shapes(model.projector)
        if fits and settings.init_warmup_steps:
            raise ConfigError(
                f"--init_warmup_steps={settings.init_warmup_steps} lets only new parts learn at first, and "
                f"--init_from={self.facts['source']} has weights for encoder and projector; leave it out."
            )
        model.start_from(weights, known if fits else None)
        return self.facts | {"projector": fits}


def start_of(config: TrainConfig, image_shape: Shape, before: RunRecord | None) -> Start | None:
    """Returns the weights that a run without a checkpoint starts from; `None` for random ones.

    Args:
        config: every setting of the run.
        image_shape: of its images.
        before: the record, if the run began before and was interrupted before its first checkpoint.

    Raises:
        AagError: they cannot be opened, belong to another encoder, or are no longer those that the run began with.
    """
    if config.start.init_from is None:
        return None
    start = open_start(config, image_shape)
    began = None if before is None else before.initial_weights
    if began is not None and began["sha256"] != start.facts["sha256"]:
        raise RunDirectoryError(
            f"--resume finds no checkpoint yet, and --init_from={config.start.init_from} is not what it was when the "
            "run began; restore it, or start a new --run_dir."
        )
    return start


def open_start(config: TrainConfig, image_shape: Shape) -> Start:
    """Opens what `--init_from` names.

    Args:
        config: every setting of the run.
        image_shape: of its images.

    Raises:
        AagError: it cannot be opened, or belongs to another encoder.
    """
    assert config.start.init_from is not None
    source = find_weights(config.start.init_from, config.encoder.encoder)
    if source.kind == IMAGENET:
        return _of_imagenet(config, source, image_shape)
    if source.kind == WEIGHTS:
        return _of_weights_file(config.encoder, source, image_shape)
    pretrained = open_pretrained(source)
    if config.encoder.encoder == OWN:
        return _of_another_network(pretrained, image_shape)
    if pretrained.record is None:
        return _of_keras_file(config.encoder, pretrained, image_shape)
    return _of_run(config.encoder, pretrained, pretrained.record.config.encoder)


def _of_imagenet(config: TrainConfig, source: WeightSource, image_shape: Shape) -> Start:
    encoder = config.encoder
    _check_range(encoder, IMAGENET, source.name)
    if source.path is None and config.data.download:
        download(encoder.encoder)
        source = find_weights(source.name, encoder.encoder)
    if source.path is None:
        raise no_imagenet_weights(encoder.encoder)
    network = imagenet_encoder(dataclasses.replace(encoder, input_range=IMAGENET), image_shape[:2], source.path)
    return Start(network.get_weights(), source_facts(source, source.path), IMAGENET)


def _of_weights_file(config: EncoderConfig, source: WeightSource, image_shape: Shape) -> Start:
    assert source.path is not None
    found = None if config.encoder == OWN else find_by_weights(source.path, config, image_shape)
    if found is None:
        raise ConfigError(
            f"--init_from={source.name} does not hold the weights of --encoder={config.encoder} with its other "
            "settings; give the --encoder, --width and --stem that they were trained with, or name a .keras file."
        )
    input_range, network = found
    if config.input_range == "auto":
        logger.info("%s does not say how pixels are scaled: to %s (--input_range)", source.name, input_range)
    return Start(network.get_weights(), source_facts(source, source.path), input_range)


def _of_another_network(pretrained: Pretrained, image_shape: Shape) -> Start:
    """The network of a `.keras` file, or the own encoder of a run, as it is."""
    record, source = pretrained.record, pretrained.facts["source"]
    if record is not None and record.custom_encoder is None:
        raise ConfigError(
            f"--encoder={OWN} takes a network that has no name here, and --init_from={source} has --encoder="
            f"{record.config.encoder.encoder}; give that."
        )
    description = describe_encoder(pretrained.encoder, image_shape)
    return Start(
        pretrained.encoder.get_weights(), pretrained.facts, "auto", _weights_of(pretrained.projector), description
    )


def _of_keras_file(config: EncoderConfig, pretrained: Pretrained, image_shape: Shape) -> Start:
    found = find_equal(pretrained.encoder, config, image_shape)
    if found is None:
        raise ConfigError(
            f"--init_from={pretrained.facts['source']} holds another network than --encoder={config.encoder} with its "
            "other settings, or one that scales pixels otherwise; give the settings that it was trained with, or "
            f"--encoder={OWN} to train the network of the file as it is."
        )
    input_range, network = found
    return Start(network.get_weights(), pretrained.facts, input_range)


def _of_run(config: EncoderConfig, pretrained: Pretrained, before: EncoderConfig) -> Start:
    source = pretrained.facts["source"]
    assert pretrained.record is not None
    if pretrained.record.custom_encoder is not None:
        raise ConfigError(
            f"--init_from={source} has an encoder of its own, which no name stands for; give --encoder={OWN} to take "
            "it."
        )
    if (before.encoder.lower(), before.width) != (config.encoder.lower(), config.width):
        raise ConfigError(
            f"--init_from={source} has --encoder={before.encoder} --width={before.width:g}, and this run "
            f"--encoder={config.encoder} --width={config.width:g}; give those of the first."
        )
    known = USUAL_RANGE if before.input_range == "auto" else before.input_range
    _check_range(config, known, source)
    return Start(pretrained.encoder.get_weights(), pretrained.facts, known, _weights_of(pretrained.projector))


def _weights_of(projector: keras.Model | None) -> Arrays | None:
    return None if projector is None else projector.get_weights()


def _check_range(config: EncoderConfig, known: str, source: str) -> None:
    if config.input_range not in ("auto", known):
        raise ConfigError(
            f"--init_from={source} was trained with pixels scaled to {known}, and --input_range={config.input_range} "
            "would scale them otherwise; leave that out."
        )


def _difference(weights: Arrays, encoder: keras.Model) -> str:
    """The first weight that differs, in words."""
    wanted = encoder.weights
    for weight, own in zip(weights, wanted, strict=False):
        if weight.shape != tuple(own.shape):
            return f"{own.path} is {_shown(own.shape)} here and {_shown(weight.shape)} there"
    return f"{len(wanted)} weights here and {len(weights)} there"


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
