"""Pools the last feature map of a network to the embedding."""

import keras

from aag_tf.utils.errors import ConfigError

CELLS = "cells"  # name of the layer that pools a grid


def pooled(feature_map: keras.KerasTensor, grid: int) -> keras.KerasTensor:
    """Averages of a feature map `[batch, height, width, channels]`, float32 `[batch, grid * grid * channels]`.

    A grid of 1 is global average pooling. A larger one keeps spatial information, as do the linear probes on feature
    maps in Zhang et al., *Colorful Image Colorization*, 2016.

    Args:
        feature_map: symbolic tensor of a network.
        grid: cells along each side; neighboring cells overlap if a side of the map is not a multiple of it.

    Raises:
        ConfigError: the map has fewer rows or columns than the grid.
    """
    if grid == 1:
        return keras.layers.GlobalAveragePooling2D(dtype="float32", name="embedding")(feature_map)
    height, width = feature_map.shape[1:3]
    if min(height, width) < grid:
        raise ConfigError(
            f"--embedding_grid={grid} is finer than the encoder's last feature map, which is {height}x{width} for "
            f"these images; set it to at most {min(height, width)}, or set a larger --image_size."
        )
    return keras.layers.Flatten(dtype="float32", name="embedding")(cells((height, width), grid)(feature_map))


def cells(size: tuple[int, int], grid: int) -> keras.layers.AveragePooling2D:
    """Returns the layer that pools a feature map of this height and width, at least the grid, to `grid` each way."""
    strides = size[0] // grid, size[1] // grid
    sizes = size[0] - (grid - 1) * strides[0], size[1] - (grid - 1) * strides[1]
    return keras.layers.AveragePooling2D(sizes, strides, dtype="float32", name=CELLS)
