"""Exponential moving average of an encoder's weights, for evaluation and serving."""

import keras
import tensorflow as tf


class WeightAverage:
    """Keeps the moving average of an encoder's weights in a second encoder.

        average ← m · average + (1 − m) · weight,    m = min(momentum, (1 + step) / (10 + step))

    The limit on `m`, as in `tf.train.ExponentialMovingAverage`, lets the average forget the random weights of step 0
    quickly. Moving statistics of batch normalization are averaged like weights.

    Keras's `use_ema` does not average these, and overwrites the trained weights with the average at the end of `fit`,
    after which a run could not continue.

    Args:
        source: the encoder that is trained.
        target: an encoder of the same architecture, whose weights are set to those of `source`.
        momentum: in (0, 1).
    """

    def __init__(self, source: keras.Model, target: keras.Model, momentum: float) -> None:
        self.encoder = target
        self.momentum = momentum
        target.set_weights(source.get_weights())
        self._pairs = [
            (average.value, weight.value)
            for average, weight in zip(target.variables, source.variables, strict=True)
            if weight.dtype.startswith("float")  # not the state of random generators
        ]

    def update(self, step: tf.Tensor) -> None:
        """Updates the average by one step; call it in the replica context, after the optimizer's update.

        Args:
            step: int64 scalar, number of steps before this one.
        """
        step = tf.cast(step, tf.float32)
        keep = tf.minimum(self.momentum, (1.0 + step) / (10.0 + step))

        def move(average: tf.Variable, weight: tf.Tensor) -> None:
            average.assign(keep * average + (1.0 - keep) * weight)

        def move_all(strategy: tf.distribute.Strategy) -> None:
            for average, weight in self._pairs:
                strategy.extended.update(average, move, args=(weight,), group=False)

        # As Keras's optimizers do: a merge call, because otherwise each replica would update only its own copy.
        tf.__internal__.distribute.interim.maybe_merge_call(move_all, tf.distribute.get_strategy())
