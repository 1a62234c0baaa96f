"""Views as tensors: one of all views, or one a size where auxiliary views have a size of their own."""

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

Size = tuple[int, int]
# `[..., views, height, width, channels]`; of two sizes a tuple of two such tensors, the main views first.
Views: TypeAlias = tf.Tensor | tuple[tf.Tensor, ...]


def stack_views(views: Sequence[tf.Tensor], sizes: Sequence[Size]) -> Views:
    """Stacks views, those of another size than the ones before into a tensor of their own.

    Args:
        views: `[..., height, width, channels]` each.
        sizes: height and width of each.
    """
    axis = len(views[0].shape) - 3
    groups = itertools.groupby(zip(sizes, views, strict=True), key=lambda pair: tuple(pair[0]))
    stacked = tuple(tf.stack([view for _, view in group], axis=axis) for _, group in groups)
    return stacked[0] if len(stacked) == 1 else stacked


def unstack_views(views: Views) -> list[tf.Tensor]:
    """Returns the views of a batch one by one, `[batch, height, width, channels]` each."""
    return [group[:, view] for group in tf.nest.flatten(views) for view in range(group.shape[1])]
