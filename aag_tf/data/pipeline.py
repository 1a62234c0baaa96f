"""Batches of images: shuffled from any step on for training, in order for evaluation."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.data import order
from aag_tf.data.counting import require_batch
from aag_tf.data.images import Images
from aag_tf.data.windows import Window

Batch = dict[str, tf.Tensor]
Numbers = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Cutting:
    """How views are cut out of source pictures.

    Args:
        numbers: random numbers of each view of a batch, float32 `[batch, count]` each, from step (a scalar) and row
            (int32 `[batch]`).
        windows: windows of the views of one picture, from its random numbers, `[count]` each, and its aspect.
    """

    numbers: Callable[[tf.Tensor, tf.Tensor], Numbers]
    windows: Callable[[Numbers, tf.Tensor], Window]


def training_batches(
    images: Images,
    *,
    global_batch_size: int,
    seed: int,
    start_step: int,
    num_steps: int,
    transform: Callable[[Batch], Batch] | None = None,
    cutting: Cutting | None = None,
    part: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Returns the batches of steps `start_step` to `start_step + num_steps - 1`.

    With `n` images and batches of `B`, step `s` belongs to epoch `s // (n // B)`, and its examples are a function of
    (seed, s) alone: starting at a step gives exactly what skipping to it gives. Each epoch visits an example at most
    once; the `n % B` examples that do not fill a batch are different ones in each epoch.

    Args:
        images: the training images.
        global_batch_size: images in a step, over all replicas.
        seed: the run's `--seed`.
        start_step: the first step, counted from 0 at the start of the run.
        num_steps: number of steps.
        transform: augmentation on the host, from batch to batch; must be a pure function of the batch, because it is
            mapped in parallel (the order of the batches is kept).
        cutting: cuts the views out of the pictures that the images were made from; a batch then has `"crops"`, uint8
            [b, views, h, w, c], in place of `"image"`.
        part: `(index, count)`: read only the `index`-th of `count` equal slices of every batch, as one machine of
            several does; `row` still counts over the whole batch. The count must divide the batch.

    Returns:
        `num_steps` elements `{"image": uint8 [b, h, w, c], "step": int64 [b] (one number b times), "row": int32 [b]}`,
        after `transform`; by default `b = B` and the rows are 0..B-1. Step and row travel with the images, so that a
        replica knows which slice of the batch it has.

    Raises:
        ConfigError: there are fewer images than one batch needs.
    """
    size, batch = len(images), global_batch_size
    steps_per_epoch = batches_in_epoch(size, batch)
    share = batch // part[1]
    first = part[0] * share

    def numbers_of_epoch(epoch_seed: tf.Tensor) -> tf.data.Dataset:
        visited = order.shuffled(size, epoch_seed)[: steps_per_epoch * batch]
        return tf.data.Dataset.from_tensor_slices(tf.reshape(visited, [steps_per_epoch, batch]))

    def read(step: tf.Tensor, numbers: tf.Tensor) -> Batch:
        rows = tf.range(first, first + share, dtype=tf.int32)
        return {"image": images.fetch(numbers[first : first + share]), "step": tf.fill([share], step), "row": rows}

    epochs = range(start_step // steps_per_epoch, -(-(start_step + num_steps) // steps_per_epoch))
    epoch_seeds = np.array([order.epoch_seed(seed, epoch) for epoch in epochs], np.int32).reshape(-1, 2)
    batches = tf.data.Dataset.from_tensor_slices(epoch_seeds).flat_map(numbers_of_epoch)
    # This skips indices of examples, not images, and less than one epoch of them.
    batches = batches.skip(start_step % steps_per_epoch).take(num_steps).enumerate(start=start_step)
    if cutting is None:
        batches = batches.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    else:
        batches = _cut(batches, images, cutting, slice(first, first + share))
    if transform is not None:
        batches = batches.map(transform, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(num_steps))
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def cut(images: Images, indices: Sequence[int] | npt.NDArray[np.int64], cutting: Cutting, step: int = 0) -> tf.Tensor:
    """Cuts the views of some images as if they were the batch of a step: uint8 [k, views, h, w, c]."""
    drawn = cutting.numbers(tf.constant(step, tf.int64), tf.range(len(indices)))
    crops = []
    for row, index in enumerate(indices):
        numbers = tuple(number[row] for number in drawn)
        choose = functools.partial(cutting.windows, numbers)
        crops.append(images.crops(tf.constant(int(index), tf.int64), choose, images.shape[:2]))
    return tf.stack(crops)


def _cut(batches: tf.data.Dataset, images: Images, cutting: Cutting, rows: slice) -> tf.data.Dataset:
    """Maps (step, numbers of images) to batches of crops, one image at a time, so that threads share a batch."""
    size, share = images.shape[:2], rows.stop - rows.start

    def plan(step: tf.Tensor, numbers: tf.Tensor) -> dict[str, Any]:
        row = tf.range(rows.start, rows.stop, dtype=tf.int32)
        drawn = cutting.numbers(step, row)
        return {"number": numbers[rows], "step": tf.fill([share], step), "row": row, "drawn": drawn}

    def cut_one(one: dict[str, Any]) -> Batch:
        crops = images.crops(one["number"], functools.partial(cutting.windows, one["drawn"]), size)
        return {"crops": crops, "step": one["step"], "row": one["row"]}

    planned = batches.map(plan, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    cuts = planned.unbatch().map(cut_one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return cuts.batch(share, drop_remainder=True)


def upcoming(images: Images, *, global_batch_size: int, seed: int, step: int, count: int) -> npt.NDArray[np.int64]:
    """Returns the numbers of the images of steps `step` to `step + count - 1`, int64 [count, global_batch_size]."""
    per_epoch = batches_in_epoch(len(images), global_batch_size)
    orders: dict[int, npt.NDArray[np.int64]] = {}
    rows = []
    for each in range(step, step + count):
        epoch, batch = divmod(each, per_epoch)
        if epoch not in orders:
            orders[epoch] = order.epoch_order(len(images), seed, epoch)
        rows.append(orders[epoch][batch * global_batch_size : (batch + 1) * global_batch_size])
    return np.stack(rows)


def batches_in_epoch(num_images: int, global_batch_size: int) -> int:
    """Number of complete batches in an epoch.

    Raises:
        ConfigError: there are fewer images than one batch needs.
    """
    require_batch(num_images, global_batch_size)
    return num_images // global_batch_size


def evaluation_batches(images: Images, batch_size: int) -> tf.data.Dataset:
    """Returns all images once, in order: uint8 [b, h, w, c] with `b = batch_size`, fewer in the last batch."""
    numbers = tf.data.Dataset.range(len(images)).batch(batch_size)
    pictures = numbers.map(images.fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return pictures.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # There are no files to distribute over workers: each reads its part of every batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
