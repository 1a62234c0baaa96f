"""The ImageNet weights of `keras.applications` in encoders of this package."""

import warnings
from pathlib import Path

import keras
import numpy as np

from aag_tf.config import EncoderConfig
from aag_tf.config.encoder_names import APPLICATIONS
from aag_tf.encoders.applications import backbone_of
from aag_tf.encoders.build import build_encoder
from aag_tf.encoders.networks import dtype_policy
from aag_tf.encoders.pixel_scaling import BY_ITSELF, CAFFE, IMAGENET_DEVIATION
from aag_tf.utils.errors import ConfigError, one_line

IMAGENET_DEVIATIONS = np.array(IMAGENET_DEVIATION) / 255


def imagenet_encoder(config: EncoderConfig, size: tuple[int, int], file: Path) -> keras.Model:
    """Builds an encoder of RGB images with the weights of a file that Keras provides, in float32.

    Scaling of pixels is inside: the encoder takes RGB in [0, 255], also where Keras's own model takes BGR.

    Args:
        config: names the model of `keras.applications`; its input range is taken as `imagenet`.
        size: height and width of the images.
        file: of weights without the classifier (`..._notop.h5`), for this model.

    Raises:
        ConfigError: the file has other weights.
    """
    with dtype_policy("float32"):
        encoder = build_encoder(config, (*size, 3))
    backbone = backbone_of(encoder)
    try:
        backbone.load_weights(file)
    except Exception as error:  # Keras and h5py raise many classes
        raise ConfigError(
            f"{file} does not hold the weights of {config.encoder} without its classifier ({one_line(error, 200)}); "
            "name the file of that model that ends in notop.h5 or no_top.h5."
        ) from error
    name = canonical(config.encoder)
    first = next(layer for layer in backbone._flatten_layers() if isinstance(layer, keras.layers.Conv2D))
    if name in CAFFE:  # from BGR to RGB
        first.kernel.assign(first.kernel.numpy()[:, :, ::-1])
    if name.startswith(BY_ITSELF):  # a scaling that Keras adds for these weights alone
        first.kernel.assign(first.kernel.numpy() / np.sqrt(IMAGENET_DEVIATIONS)[:, np.newaxis])
    return encoder


def download(name: str) -> None:
    """Lets Keras download the ImageNet weights of a model without its classifier, and check them.

    Raises:
        ConfigError: they cannot be downloaded.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`input_shape` is undefined")  # the weights do not depend on it
            getattr(keras.applications, canonical(name))(include_top=False, weights="imagenet")
    except Exception as error:  # of the network, or of a file that is not what Keras expects
        raise ConfigError(
            f"the ImageNet weights of {name} cannot be downloaded ({one_line(error, 200)}); name a file that has them "
            "with --init_from=FILE."
        ) from error


def canonical(name: str) -> str:
    """Returns the name of a model of `keras.applications` as Keras spells it."""
    return next(known for known in APPLICATIONS if known.lower() == name.lower())
