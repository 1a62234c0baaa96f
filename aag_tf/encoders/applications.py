"""Models of `keras.applications` as encoders, with random weights and with their preprocessing as a first layer."""

import inspect
import warnings
from typing import Any

import keras

from aag_tf.config import EncoderConfig
from aag_tf.encoders.pixel_scaling import mean_and_deviation
from aag_tf.encoders.pooling import pooled
from aag_tf.utils.errors import ConfigError


def application_names() -> list[str]:
    """Returns the names of all models in `keras.applications`, which `--encoder` accepts."""
    return sorted(
        name for name, value in vars(keras.applications).items() if name[0].isupper() and inspect.isfunction(value)
    )


def application(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    width: float = EncoderConfig.width,
    grid: int = EncoderConfig.embedding_grid,
    input_range: str = EncoderConfig.input_range,
) -> keras.Model:
    """A `keras.applications` model from images to pooled features, with synchronized batch normalization.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255]. Output: float32 `[batch, features]`.

    Raises:
        ConfigError: the model does not accept such images, they are too small for the grid, or `width` is not 1.
    """
    if width != 1.0:
        raise ConfigError(f"--width={width:g} is for tiny and the ResNets only; leave it at 1 for --encoder={name}.")
    build = getattr(keras.applications, name)
    options: dict[str, Any] = {"include_top": False, "weights": None, "input_shape": image_shape}
    # The model's own average pooling, after which some models normalize; a grid is pooled from the feature map.
    options["pooling"] = "avg" if grid == 1 else None
    if "include_preprocessing" in inspect.signature(build).parameters:
        options["include_preprocessing"] = False
    try:
        with warnings.catch_warnings():
            # Keras warns of other channels than 1 or 3, which only its trained weights need.
            warnings.filterwarnings("ignore", "This model usually expects 1 or 3 input channels")
            backbone = build(**options)
    except ValueError as error:
        raise ConfigError(
            f"--encoder={name} cannot take images of {'x'.join(map(str, image_shape))}; set a larger --image_size "
            f"(most of keras.applications need 32, some 75). Keras says: {str(error).splitlines()[0]}"
        ) from error
    for layer in backbone._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    inputs = keras.Input(image_shape, name="images")
    x = backbone(_scaled(inputs, name, input_range))
    x = keras.layers.Activation("linear", dtype="float32", name="embedding")(x) if grid == 1 else pooled(x, grid)
    return keras.Model(inputs, x, name=name.lower())


def backbone_of(encoder: keras.Model) -> keras.Model:
    """Returns the model of `keras.applications` inside an encoder."""
    return next(layer for layer in encoder.layers if isinstance(layer, keras.Model))


def _scaled(images: keras.KerasTensor, name: str, input_range: str) -> keras.KerasTensor:
    """Pixels in the range that the model is trained with."""
    mean, deviation = mean_and_deviation(name, input_range, images.shape[-1])
    scale = [1 / value for value in deviation]
    offset = [-value / by for value, by in zip(mean, deviation, strict=True)]
    if len({*mean}) == len({*deviation}) == 1:
        return keras.layers.Rescaling(scale[0], offset=offset[0], dtype="float32", name="to_unit_range")(images)
    return keras.layers.Rescaling(scale, offset=offset, dtype="float32", name="to_imagenet_range")(images)
