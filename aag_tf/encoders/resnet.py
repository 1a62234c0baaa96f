"""Residual networks (He et al. 2016) for images of any size, with a stem for small ones.

`ResNetSpec` holds what differs between the members of the family.
"""

import dataclasses

import keras

from aag_tf.config import EncoderConfig
from aag_tf.encoders.batch_norm import BatchNorm
from aag_tf.encoders.pooling import pooled
from aag_tf.utils.errors import ConfigError

SMALLEST = {"small": 8, "imagenet": 32}  # pixels of a side that a stem takes
SMALL_IMAGE = 64  # pixels: up to this side the ImageNet stem (7×7, stride 2, pooling) would discard too much


@dataclasses.dataclass(frozen=True)
class ResNetSpec:
    """One member of the ResNet family.

    Args:
        blocks: residual blocks in each stage; each stage after the first halves the resolution.
        channels: width of the first stage; each later stage doubles it.
        bottleneck: 1×1, 3×3, 1×1 blocks with four times wider outputs, instead of two 3×3.
        stem_stride: stride of the 3×3 stem for small images.
    """

    blocks: tuple[int, ...]
    channels: int = 64
    bottleneck: bool = False
    stem_stride: int = 1


RESNETS = {
    "tiny": ResNetSpec(blocks=(1, 1, 1), channels=32, stem_stride=2),
    "resnet18": ResNetSpec(blocks=(2, 2, 2, 2)),
    "resnet34": ResNetSpec(blocks=(3, 4, 6, 3)),
    "resnet50": ResNetSpec(blocks=(3, 4, 6, 3), bottleneck=True),
}


def resnet(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    width: float = EncoderConfig.width,
    stem: str = EncoderConfig.stem,
    grid: int = EncoderConfig.embedding_grid,
) -> keras.Model:
    """Builds a residual network from images to pooled features.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255]. Output: float32 `[batch, features]`.

    Args:
        name: a key of `RESNETS`.
        image_shape: `(height, width, channels)`.
        width: multiplies every channel count.
        stem: `"small"` (3×3, no pooling), `"imagenet"` (7×7 stride 2, 3×3 pooling) or `"auto"` (small if no side is
            above 64, or one is below 32).
        grid: side of the grid of averages that form the embedding; 1 is global average pooling.

    Raises:
        ConfigError: the image is smaller than 8 pixels, or than 32 for the ImageNet stem, or too small for the grid.
    """
    spec = RESNETS[name]
    rows, columns = image_shape[:2]
    shortest = min(rows, columns)
    least = smallest_side(image_shape, stem)
    small = least == SMALLEST["small"]
    if shortest < least:
        enough = f"{least}" if rows == columns else f"{max(rows, least)}x{max(columns, least)}"
        raise ConfigError(
            f"images of {rows}x{columns} are too small for --encoder={name} with the "
            f"{'small' if small else 'imagenet'} stem, which takes {least} pixels or more a side; set "
            f"--image_size={enough}."
        )
    channels = max(8, round(spec.channels * width))

    inputs = keras.Input(image_shape, name="images")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="to_unit_range")(inputs)
    if small:
        x = _conv(x, channels, 3, stride=spec.stem_stride if shortest > 16 else 1, name="stem")
    else:
        x = _conv(x, channels, 7, stride=2, name="stem")
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    block = _bottleneck_block if spec.bottleneck else _basic_block
    for stage, count in enumerate(spec.blocks):
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            x = block(x, channels * 2**stage, stride, name=f"stage{stage + 1}_block{index + 1}")
    return keras.Model(inputs, pooled(x, grid), name=name)


def smallest_side(image_shape: tuple[int, int, int], stem: str = EncoderConfig.stem) -> int:
    """Returns the pixels of a side that the stem of an encoder for images of a shape takes at least."""
    longest, shortest = max(image_shape[:2]), min(image_shape[:2])
    small = stem == "small" or (stem == "auto" and (longest <= SMALL_IMAGE or shortest < SMALLEST["imagenet"]))
    return SMALLEST["small" if small else "imagenet"]


def _conv(x, channels: int, size: int, *, stride: int = 1, name: str, relu: bool = True, gamma: str = "ones"):
    x = keras.layers.Conv2D(
        channels, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    x = BatchNorm(gamma_initializer=gamma, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _basic_block(x, channels: int, stride: int, *, name: str):
    shortcut = _shortcut(x, channels, stride, name=name)
    x = _conv(x, channels, 3, stride=stride, name=f"{name}_conv1")
    x = _conv(x, channels, 3, name=f"{name}_conv2", relu=False, gamma="zeros")
    return _add(x, shortcut, name=name)


def _bottleneck_block(x, channels: int, stride: int, *, name: str):
    shortcut = _shortcut(x, 4 * channels, stride, name=name)
    x = _conv(x, channels, 1, name=f"{name}_conv1")
    x = _conv(x, channels, 3, stride=stride, name=f"{name}_conv2")
    x = _conv(x, 4 * channels, 1, name=f"{name}_conv3", relu=False, gamma="zeros")
    return _add(x, shortcut, name=name)


def _shortcut(x, channels: int, stride: int, *, name: str):
    if stride == 1 and x.shape[-1] == channels:
        return x
    return _conv(x, channels, 1, stride=stride, name=f"{name}_shortcut", relu=False)


def _add(x, shortcut, *, name: str):
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu")(x)
