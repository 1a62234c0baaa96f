"""Batches of augmented, labeled images from any step on."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from aag_tf.augment import MainBranch
from aag_tf.data import Images
from aag_tf.finetuning.sampling import SampleOrder
from aag_tf.utils import seeds


def labeled_batches(
    images: Images,
    owners: np.ndarray,
    order: SampleOrder,
    branch: MainBranch | None,
    *,
    batch_size: int,
    seed: int,
    start_step: int,
    num_steps: int,
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields the batches of steps `start_step` to `start_step + num_steps - 1`, each a function of (seed, step) alone.

    Args:
        images: to learn from.
        owners: class index of each, int [n].
        order: which images are in which step.
        branch: draws the views; `None` for the images as they are.
        batch_size: images of a step.
        seed: of the views.
        start_step: the first step.
        num_steps: number of steps.

    Yields:
        float32 [batch_size, h, w, c] in [0, 255] and int32 [batch_size].
    """
    fold = seeds.fold(seed, "finetune_view")
    targets = tf.constant(owners, tf.int32)

    def positions() -> Iterator[tuple[np.ndarray, int]]:
        for step in range(start_step, start_step + num_steps):
            yield order.rows(step * batch_size, batch_size), step

    @tf.autograph.experimental.do_not_convert
    def read(rows: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pictures = images.fetch(rows)
        if branch is None:
            views = tf.cast(pictures, tf.float32)
        else:
            views = branch.draw(pictures, seed=fold, step=step, row=tf.range(batch_size))
        return views, tf.gather(targets, rows)

    signature = (tf.TensorSpec([batch_size], tf.int64), tf.TensorSpec([], tf.int64))
    batches = tf.data.Dataset.from_generator(positions, output_signature=signature)
    batches = batches.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    yield from batches.prefetch(tf.data.AUTOTUNE)
