"""Loss scaling for float16 that keeps count of the steps it skips."""

import keras


@keras.saving.register_keras_serializable(package="aag_tf")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """`keras.optimizers.LossScaleOptimizer`, but a step that overflowed and moved no weight still counts as a step.

    Keras leaves `iterations` where it was then. Here that counter is a run's position: it decides which batch comes
    next after a resume, where the learning-rate schedule stands, and when the run is over.
    """

    def _stateful_handle_non_finite_grads(self) -> None:
        super()._stateful_handle_non_finite_grads()
        self.inner_optimizer.iterations.assign_add(1)
