"""An exponential moving average of an encoder's weights: smoother than they are, for judging and serving."""

import keras
import tensorflow as tf


class WeightAverage:
    """Keeps a second encoder at the moving average of the first.

        average ← m · average + (1 − m) · weight,    m = min(momentum, (1 + step) / (10 + step))

    The limit on `m` lets the average leave the random weights of step 0 behind quickly; it is that of
    `tf.train.ExponentialMovingAverage`. Moving statistics of batch normalization are averaged like weights.

    Keras's own `use_ema` leaves these out, and overwrites the trained weights with the average when `fit` ends, after
    which a run could not go on.

    Args:
        source: the encoder that is trained.
        target: an encoder of the same architecture, which takes the weights of `source` now.
        momentum: in ]0, 1[.
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
        """Moves the average by one step; call it in the replica context, after the weights have moved.

        Args:
            step: int64 scalar, steps done before this one.
        """
        step = tf.cast(step, tf.float32)
        keep = tf.minimum(self.momentum, (1.0 + step) / (10.0 + step))

        def move(average: tf.Variable, weight: tf.Tensor) -> None:
            average.assign(keep * average + (1.0 - keep) * weight)

        def move_all(strategy: tf.distribute.Strategy) -> None:
            for average, weight in self._pairs:
                strategy.extended.update(average, move, args=(weight,), group=False)

        # As Keras's optimizers do: a merge call where the strategy has one, for else each replica moves its own copy.
        tf.__internal__.distribute.interim.maybe_merge_call(move_all, tf.distribute.get_strategy())
