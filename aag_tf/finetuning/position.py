"""Where a training on labels stands, beside its weights, in a form that checkpoints hold."""

import math

import keras

NAMES = ("best_cross_entropy", "best_step", "looks_without_better", "loss_sum", "loss_count")


class Position(keras.layers.Layer):
    """Numbers of a training, each a float32 weight.

    Attributes:
        best_cross_entropy: on held-out images; infinite before the first look at them.
        best_step: that it was reached at.
        looks_without_better: since then.
        loss_sum, loss_count: of the steps since the last look.
    """

    def __init__(self) -> None:
        super().__init__(dtype="float32", name="position")
        for name in NAMES:
            initial = keras.initializers.Constant(math.inf if name == "best_cross_entropy" else 0.0)
            setattr(self, name, self.add_weight(shape=(), name=name, trainable=False, initializer=initial))
        self.built = True
