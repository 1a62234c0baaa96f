"""Finds the encoder of some settings to which the weights of a file belong."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from aag_tf.config import EncoderConfig
from aag_tf.config.encoder_names import OWN_NETWORKS
from aag_tf.encoders.build import build_encoder
from aag_tf.encoders.custom import finalize_normalization, weight_shapes
from aag_tf.encoders.networks import dtype_policy
from aag_tf.encoders.plain import plain_encoder

USUAL_RANGE = "-1..1"
IMAGES = 4
SAME = 1e-4  # largest difference of embeddings of one network, as a share of the largest number in them

Shape = tuple[int, int, int]
Found = tuple[str, keras.Model]  # what an encoder scales pixels to, and the encoder with its weights


def find_equal(model: keras.Model, config: EncoderConfig, image_shape: Shape) -> Found | None:
    """Returns the encoder of the settings that gives the same embeddings as a model, with the model's weights.

    Equal layers do not suffice: a model may scale pixels otherwise.

    Args:
        model: of a file.
        config: settings of the encoder; its input range is tried out where it is `auto`.
        image_shape: of the images, for sides that the model leaves open.
    """
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        return None
    height, width, channels = (side or own for side, own in zip(inputs[0].shape[1:], image_shape, strict=True))
    for input_range, encoder in _candidates(config, (height, width, channels)):
        if weight_shapes(encoder) == weight_shapes(model):
            encoder.set_weights(model.get_weights())
            finalize_normalization(encoder)
            if _embed_alike(encoder, model):
                return input_range, encoder
    return None


def find_by_weights(file: Path, config: EncoderConfig, image_shape: Shape) -> Found | None:
    """Returns the encoder of the settings with the weights of a `.weights.h5` file; `None` where they are of another.

    Such a file does not say how pixels are scaled: -1..1 is taken where the settings leave it open.

    Args:
        file: that Keras wrote with `save_weights`, of an encoder of `build_encoder` or of its plain copy.
        config: settings of the encoder.
        image_shape: of the images; those of the file may have had another number of channels.
    """
    with h5py.File(file, "r") as content:
        count = _count_arrays(content)
    for channels in dict.fromkeys((image_shape[2], 3, 1)):
        input_range, encoder = next(_candidates(config, (*image_shape[:2], channels)))
        if count == sum(weight.dtype.startswith("float") for weight in encoder.weights) and _load(encoder, file):
            return input_range, encoder
    return None


def _candidates(config: EncoderConfig, image_shape: Shape) -> Iterator[Found]:
    """Encoders of the settings in float32, the usual one first."""
    ranges = [config.input_range]
    if config.input_range == "auto":
        ranges = [USUAL_RANGE] if config.encoder in OWN_NETWORKS else [USUAL_RANGE, "imagenet"]
    for input_range in ranges:
        with dtype_policy("float32"):
            yield input_range, build_encoder(dataclasses.replace(config, input_range=input_range), image_shape)


def _embed_alike(encoder: keras.Model, model: keras.Model) -> bool:
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *encoder.input_shape[1:])).astype(np.float32)
    one, other = (keras.ops.convert_to_numpy(network(images, training=False)) for network in (encoder, model))
    return one.shape == other.shape and bool(np.abs(one - other).max() <= SAME * max(1e-6, np.abs(other).max()))


def _count_arrays(content: h5py.Group) -> int:
    """How many arrays of floats a file has; Keras would pass over those that a smaller network does not ask for."""
    found: list[str] = []
    content.visititems(
        lambda name, entry: found.append(name) if isinstance(entry, h5py.Dataset) and entry.dtype.kind == "f" else None
    )
    return len(found)


def _load(encoder: keras.Model, file: Path) -> bool:
    """Loads weights that were saved from such an encoder or from its plain copy."""
    for network in (plain_encoder(encoder), encoder):
        try:
            network.load_weights(file)
        except Exception:  # Keras raises many classes where they do not fit
            continue
        encoder.set_weights(network.get_weights())
        finalize_normalization(encoder)
        return True
    return False
