"""The encoder that is fine-tuned: opened, checked, and built again with its own or with random weights."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aag_tf.config import AugmentConfig, EvaluateConfig, FinetuneConfig
from aag_tf.encoders import (
    build_encoder,
    describe_encoder,
    dtype_policy,
    encoder_from,
    finalize_normalization,
    untrained_encoder,
    weight_shapes,
)
from aag_tf.encoders.custom import Description, to_description
from aag_tf.encoders.plain import plain_description
from aag_tf.evaluation.subjects import Subject
from aag_tf.evaluation.subjects.keras_model import untrained_copy
from aag_tf.preflight.finetune import find_encoder
from aag_tf.runs.pretrained import Pretrained, open_pretrained
from aag_tf.runs.weight_sources import EXPORT, RUN
from aag_tf.utils.errors import FinetuneError

SUBJECT_OF_KIND = {RUN: "run_dir", EXPORT: "saved_model"}  # settings of an evaluation; a `.keras` file is the third

Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, eq=False)
class Encoder:
    """A trained encoder, of which copies are made.

    Args:
        pretrained: the encoder, what is known of it, and the record of its run where there is one.
        description: from which it is built again, where it has no name here.
    """

    pretrained: Pretrained
    description: Description | None

    @property
    def facts(self) -> dict[str, Any]:
        """Its source, kind, SHA-256 and, where known, step."""
        return self.pretrained.facts

    @property
    def augment(self) -> AugmentConfig:
        """Settings of the main branch in its training, by default those of this package."""
        record = self.pretrained.record
        return AugmentConfig() if record is None else record.config.augment

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return int(self.pretrained.encoder.output_shape[-1])

    def subject(self) -> Subject:
        """Returns it as what an evaluation opens images for."""
        shape = tuple(self.pretrained.encoder.input_shape[1:])
        return Subject(self.facts, shape, self.pretrained.encoder, self.pretrained.record)

    def evaluation(self, config: FinetuneConfig) -> EvaluateConfig:
        """Returns the settings by which an evaluation would open the same images."""
        name: dict[str, Any] = {SUBJECT_OF_KIND.get(self.facts["kind"], "keras_model"): config.init_from}
        return EvaluateConfig(
            dataset=config.dataset,
            data_dir=config.data_dir,
            download=config.download,
            image_size=config.image_size,
            layout=config.layout,
            **name,
        )

    def check_shape(self, shape: Shape) -> None:
        """Checks that it maps images of a shape to vectors, and can be trained.

        Raises:
            ConfigError: it does not.
        """
        describe_encoder(self.pretrained.encoder, shape)
        plain_description(self.pretrained.encoder)  # rejects layers that are not Keras's own

    def trained(self, policy: str = "float32") -> keras.Model:
        """Returns a copy with its weights that may be trained, under a dtype policy."""
        return self._with(self.pretrained.encoder.get_weights(), policy)

    def random(self, seed: int, policy: str = "float32") -> keras.Model:
        """Returns the same network with random weights from a seed, under a dtype policy."""
        record = self.pretrained.record
        if self.description is None and record is not None:
            fresh = untrained_encoder(record.config.encoder, record.image_shape, seed)
            if policy == "float32":
                return fresh
        else:
            with dtype_policy("float32"):
                fresh = untrained_copy(self.pretrained.encoder, seed)
        return self._with(fresh.get_weights(), policy)

    def _with(self, weights: list[np.ndarray], policy: str) -> keras.Model:
        record = self.pretrained.record
        with dtype_policy(policy):
            if self.description is not None:
                network = encoder_from(self.description)
            else:
                assert record is not None
                network = build_encoder(record.config.encoder, record.image_shape)
        network.set_weights(weights)
        finalize_normalization(network)
        return network


def open_encoder(config: FinetuneConfig) -> Encoder:
    """Opens what `--init_from` names.

    Raises:
        AagError: it is none of what may be named, cannot be read, or needs code or classes that are not registered.
    """
    pretrained = open_pretrained(find_encoder(config.init_from))
    outputs = getattr(pretrained.encoder, "outputs", None) or []
    inputs = getattr(pretrained.encoder, "inputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4 or len(outputs[0].shape) != 2:
        raise FinetuneError(
            f"{config.init_from} does not map one batch of images [b, height, width, channels] to one batch of "
            "vectors; cut its classifier off, and end it with GlobalAveragePooling2D or Flatten."
        )
    record = pretrained.record
    if record is not None and record.custom_encoder is None:
        # The network by its name computes faster: an export has batch normalization of Keras.
        with dtype_policy("float32"):
            named = build_encoder(record.config.encoder, record.image_shape)
        if weight_shapes(named) == weight_shapes(pretrained.encoder):
            return Encoder(pretrained, None)
    return Encoder(pretrained, to_description(pretrained.encoder))
