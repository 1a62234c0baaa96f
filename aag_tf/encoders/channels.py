"""Fits the weights of a network to images of another number of channels."""

import numpy as np

from aag_tf.encoders.pixel_scaling import in_turn

Weights = list[np.ndarray]
Shapes = list[tuple[int, ...]]


def fit_channels(weights: Weights, shapes: Shapes) -> Weights | None:
    """Returns the weights of a network for one that differs at most in the channels of its images.

    The first convolution, and normalization before it, are adapted so that an image whose channels are all alike gets
    the response that it got before. With more channels than before, each takes a kernel of the old ones in turn,
    divided by how many take it: the fourth channel of an RGB network is a second red one, and both have half of its
    kernel. With fewer, each takes the average kernel times the old number over the new: gray has the sum of red, green
    and blue.

    Args:
        weights: of the network as it was, in the order of `keras.Model.weights`.
        shapes: of the weights that are wanted, in the same order.

    Returns:
        The weights; `None` where more than the channels of the images differs.
    """
    if len(weights) != len(shapes):
        return None
    fitted, adapted = [], False
    for weight, shape in zip(weights, shapes, strict=True):
        if weight.shape == shape:
            fitted.append(weight)
        elif not adapted and weight.ndim == len(shape) == 4 and _but_inputs(weight.shape) == _but_inputs(shape):
            fitted.append(_kernel(weight, shape[2]))
            adapted = True
        elif not adapted and weight.ndim == len(shape) == 1:  # statistics of a `Normalization` before it
            fitted.append(np.array(in_turn(tuple(weight), shape[0]), weight.dtype))
        else:
            return None
    return fitted


def _but_inputs(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:2], *shape[3:])


def _kernel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """The kernel `[height, width, inputs, outputs]` of a convolution for another number of inputs."""
    before = kernel.shape[2]
    if channels < before:
        return np.repeat(kernel.mean(axis=2, keepdims=True) * (before / channels), channels, axis=2)
    source = np.arange(channels) % before
    takers = np.bincount(source)
    return kernel[:, :, source] / takers[source][:, np.newaxis]
