"""Where a run stands: the optimizer's step counter is the only position."""

import keras
import tensorflow as tf


def steps_done(optimizer: keras.optimizers.Optimizer) -> int:
    """Optimizer steps so far, under any distribution strategy."""
    return int(tf.convert_to_tensor(optimizer.iterations))
