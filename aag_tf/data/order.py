"""The order of the examples in each epoch, as a pure function of (seed, epoch).

There is no state, so a run that starts at step 1 000 sees exactly what an uninterrupted run sees there.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.utils import seeds


def shuffled(size: int, seed: tf.Tensor | seeds.Seed) -> tf.Tensor:
    """Shuffles the numbers 0..size-1 by a stateless seed; usable inside a `tf.data` graph.

    Args:
        size: number of examples.
        seed: two int32 values, for example from `aag_tf.utils.seeds.fold`.

    Returns:
        int64 [size], a permutation.
    """
    # The algorithm is named and the device fixed, because "auto_select" may differ from one device to the next.
    with tf.device("CPU:0"):
        return tf.random.experimental.stateless_shuffle(tf.range(size, dtype=tf.int64), seed, alg="philox")


def epoch_seed(seed: int, epoch: int, part: int | None = None) -> seeds.Seed:
    """Returns the stateless seed of one epoch's order; with `part`, that of the images of one machine of several."""
    return seeds.fold(seed, "order", epoch) if part is None else seeds.fold(seed, "order of a part", epoch, part)


def epoch_order(size: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Returns the examples of one epoch in the order in which training visits them.

    Args:
        size: number of examples.
        seed: the run's `--seed`.
        epoch: counted from 0.

    Returns:
        int64 [size], a permutation; with batches of `B`, step `s` of the epoch reads `[s * B : (s + 1) * B]`, and
        the remainder that does not fill a batch is left out of this epoch.
    """
    return shuffled(size, epoch_seed(seed, epoch)).numpy()
