"""Batches of images: shuffled from any step on for training, in order for evaluation."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.data import order
from aag_tf.data.counting import require_batch
from aag_tf.data.images.base import Images, Shape
from aag_tf.data.images.memory import usable_memory
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window
from aag_tf.utils.errors import ConfigError

# Pictures whose files or records are fetched by one call: of many the bytes would take much memory, and a call for
# each would cost more than decoding a small one.
OPENED_AT_ONCE = 32

# Batches that wait for their steps: as many as take so many bytes, within limits. What tf.data chooses itself doubles
# whenever a step has to wait, and stays there: 34 batches of 9 MiB after 200 quick steps.
AHEAD_BYTES, LEAST_AHEAD, MOST_AHEAD = 2**26, 2, 32

Batch = dict[str, Any]
Numbers = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Cutting:
    """How views are cut out of source pictures.

    Args:
        numbers: random numbers of each view of a batch, float32 `[batch, count]` each, from step (a scalar) and row
            (int32 `[batch]`).
        windows: windows of the views of a batch, float32 `[batch, views]` each, from its random numbers and the aspects
            of its pictures, width / height relative to that of a view, float32 `[batch]`.
        sizes: height and width of each view, from the shape of the images.
    """

    numbers: Callable[[tf.Tensor, tf.Tensor], Numbers]
    windows: Callable[[Numbers, tf.Tensor], Window]
    sizes: Callable[[Shape], Sequence[Size]]


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
    counts: Sequence[int] | None = None,
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
            [b, views, h, w, c] (of two sizes a tuple of two), in place of `"image"`.
        part: `(index, count)`: read only the `index`-th of `count` equal slices of every batch, as one machine of
            several does; `row` still counts over the whole batch. The count must divide the batch.
        counts: how many images each part has, where it has its own: `images` are those of this part, each epoch visits
            them in an order of their own, and an epoch ends when a part has no more for a batch.

    Returns:
        `num_steps` elements `{"image": uint8 [b, h, w, c], "step": int64 [b] (one number b times), "row": int32 [b]}`,
        after `transform`; by default `b = B` and the rows are 0..B-1. Step and row travel with the images, so that a
        replica knows which slice of the batch it has.

    Raises:
        ConfigError: there are fewer images than one batch needs.
    """
    size, batch = len(images), global_batch_size
    steps_per_epoch = batches_in_epoch(size, batch) if counts is None else batches_of_parts(counts, batch)
    share = batch // part[1]
    first = part[0] * share
    rows_here = slice(first, first + share)

    @tf.autograph.experimental.do_not_convert
    def numbers_of_epoch(epoch_seed: tf.Tensor) -> tf.data.Dataset:
        visited = order.shuffled(size, epoch_seed)
        if counts is None:
            numbers = tf.reshape(visited[: steps_per_epoch * batch], [steps_per_epoch, batch])[:, rows_here]
        else:
            numbers = tf.reshape(visited[: steps_per_epoch * share], [steps_per_epoch, share])
        return tf.data.Dataset.from_tensor_slices(numbers)

    @tf.autograph.experimental.do_not_convert
    def read(step: tf.Tensor, numbers: tf.Tensor) -> Batch:
        rows = tf.range(first, first + share, dtype=tf.int32)
        return {"image": images.fetch(numbers), "step": tf.fill([share], step), "row": rows}

    epochs = range(start_step // steps_per_epoch, -(-(start_step + num_steps) // steps_per_epoch))
    own = None if counts is None else part[0]
    epoch_seeds = np.array([order.epoch_seed(seed, epoch, own) for epoch in epochs], np.int32).reshape(-1, 2)
    batches = tf.data.Dataset.from_tensor_slices(epoch_seeds).flat_map(numbers_of_epoch)
    # This skips indices of examples, not images, and less than one epoch of them.
    batches = batches.skip(start_step % steps_per_epoch).take(num_steps).enumerate(start=start_step)
    if cutting is None:
        batches = batches.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    else:
        batches = _cut(batches, images, cutting, rows_here)
    if transform is not None:
        transform = tf.autograph.experimental.do_not_convert(transform)
        batches = batches.map(transform, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(num_steps))
    return batches.prefetch(batches_ahead(batches)).with_options(_options())


def batches_ahead(batches: tf.data.Dataset) -> int:
    """Returns how many batches are read before they are asked for."""
    specs = tf.nest.flatten(batches.element_spec)
    size = sum((spec.shape.num_elements() or 0) * spec.dtype.size for spec in specs)
    return max(LEAST_AHEAD, min(MOST_AHEAD, AHEAD_BYTES // max(1, size)))


def cut(images: Images, indices: Sequence[int] | npt.NDArray[np.int64], cutting: Cutting, step: int = 0) -> Views:
    """Cuts the views of some images as if they were the batch of a step: uint8 [k, views, h, w, c], or two of them."""
    drawn = cutting.numbers(tf.constant(step, tf.int64), tf.range(len(indices)))
    sources = images.sources(tf.constant(np.asarray(indices, np.int64)))
    windows = cutting.windows(drawn, sources["aspect"] * _upright(images))
    crops, sizes = [], cutting.sizes(images.shape)
    for row in range(len(indices)):
        own = {name: of[row] for name, of in sources.items()}
        crops.append(images.crops(own, Window(*(side[row] for side in windows)), sizes))
    return tf.nest.map_structure(lambda *each: tf.stack(each), *crops)


def _cut(batches: tf.data.Dataset, images: Images, cutting: Cutting, rows: slice) -> tf.data.Dataset:
    """Maps (step, numbers of images) to batches of crops, decoding image by image, so that threads share a batch."""
    sizes, share = cutting.sizes(images.shape), rows.stop - rows.start

    @tf.autograph.experimental.do_not_convert
    def plan(step: tf.Tensor, numbers: tf.Tensor) -> dict[str, Any]:
        row = tf.range(rows.start, rows.stop, dtype=tf.int32)
        drawn = cutting.numbers(step, row)
        return {"number": numbers, "step": tf.fill([share], step), "row": row, "drawn": drawn}

    @tf.autograph.experimental.do_not_convert
    def open_some(some: dict[str, Any]) -> dict[str, Any]:
        source = images.sources(some["number"])
        windows = cutting.windows(some["drawn"], source.pop("aspect") * _upright(images))
        return {"source": source, "windows": tf.stack(windows, axis=1), "step": some["step"], "row": some["row"]}

    @tf.autograph.experimental.do_not_convert
    def cut_one(one: dict[str, Any]) -> Batch:
        crops = images.crops(one["source"], Window(*tf.unstack(one["windows"])), sizes)
        return {"crops": crops, "step": one["step"], "row": one["row"]}

    in_parallel: dict[str, Any] = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    some = batches.map(plan, **in_parallel).rebatch(OPENED_AT_ONCE).map(open_some, **in_parallel)
    return some.unbatch().map(cut_one, **in_parallel).batch(share, drop_remainder=True)


def _upright(images: Images) -> float:
    """Height / width of the views."""
    return images.shape[0] / images.shape[1]


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


def batches_of_parts(counts: Sequence[int], global_batch_size: int) -> int:
    """Number of complete batches in an epoch of several machines, each with images of its own.

    Raises:
        ConfigError: one has fewer images than its slice of a batch needs.
    """
    share = global_batch_size // len(counts)
    least = int(np.argmin(counts))
    if counts[least] < share:
        raise ConfigError(
            f"--global_batch_size={global_batch_size} takes {share} images from each machine, and worker {least} has "
            f"{counts[least]}; use {counts[least] * len(counts)} or less, or give it more files of the pack."
        )
    return counts[least] // share


def evaluation_batches(images: Images, batch_size: int) -> tf.data.Dataset:
    """Returns all images once, in order: uint8 [b, h, w, c] with `b = batch_size`, fewer in the last batch."""
    numbers = tf.data.Dataset.range(len(images)).batch(batch_size)
    fetch = tf.autograph.experimental.do_not_convert(images.fetch)
    pictures = numbers.map(fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return pictures.prefetch(LEAST_AHEAD).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # There are no files to distribute over workers: each reads its part of every batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    # For what threads work on at once. Half of the machine is the default, whatever a container may use.
    options.autotune.ram_budget = usable_memory() // 4
    return options
