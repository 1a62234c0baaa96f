"""The networks of a training on labels, its optimizer, and what checkpoints hold of them."""

from collections.abc import Callable
from pathlib import Path

import keras

from aag_tf.config import OptimizerConfig, TuningConfig
from aag_tf.encoders import plain_encoder
from aag_tf.encoders.layer_order import rate_factors
from aag_tf.finetuning.network import LOGITS, Head
from aag_tf.finetuning.position import Position
from aag_tf.finetuning.trial import BEST_FILE, FROM_ENCODER, Trial
from aag_tf.optimizers import LayerRates, WeightAverage, build_optimizer
from aag_tf.runs.checkpoints import RunState
from aag_tf.utils.atomic import sync

WARMUP_FRACTION = 0.1


class TrialNetworks:
    """A classifier that is trained, its averaged and its best weights.

    Args:
        trial: what is trained.
        build: returns an encoder and a classifier that shares its layers, newly built under a dtype policy.
        tuning: how.
        head: weights of the linear layer to start from; zeros by default.
        policy: dtype policy of what is trained; what is measured and kept is float32.

    Attributes:
        model: what is trained.
        average: updates `averaged` after a step; `None` where nothing is averaged.
        averaged: what is looked through; `model` itself where nothing is averaged.
        best: a classifier with the best weights so far.
        optimizer: of `model`.
        position: the numbers of the training.
        state: all of it, for checkpoints.
    """

    def __init__(
        self,
        trial: Trial,
        build: Callable[[str], tuple[keras.Model, keras.Model]],
        tuning: TuningConfig,
        *,
        head: Head | None,
        policy: str,
    ) -> None:
        encoder, self.model = build(policy)
        if head is not None:
            self.model.get_layer(LOGITS).set_weights(head)
        self.best = build("float32")[1]
        self.averaged, self.average = self.model, None
        if tuning.ema_momentum > 0:
            self.averaged = build("float32")[1]
            self.average = WeightAverage(self.model, self.averaged, momentum=tuning.ema_momentum)
        self.optimizer = _optimizer(trial, tuning, encoder)
        self.optimizer.build(self.model.trainable_variables)
        self.position = Position()
        parts = {"network": self.model, "best": self.best, "optimizer": self.optimizer, "position": self.position}
        if self.average is not None:
            parts["average"] = self.averaged
        self.state = RunState(**parts)

    def write_best(self, directory: Path) -> None:
        """Writes the best weights as a model of Keras's own layers, whole or not at all."""
        hidden = directory / f".unfinished-{BEST_FILE}"  # Keras asks for this ending
        plain_encoder(self.best).save(hidden)
        sync(hidden)
        hidden.replace(directory / BEST_FILE)


def _optimizer(trial: Trial, tuning: TuningConfig, encoder: keras.Model) -> keras.optimizers.Optimizer:
    config = OptimizerConfig(
        "adamw", trial.learning_rate, weight_decay=tuning.weight_decay, warmup_fraction=WARMUP_FRACTION
    )
    decay = tuning.layer_decay if trial.start == FROM_ENCODER else 1.0
    rates = LayerRates(tuple(rate_factors(encoder, decay)))
    return build_optimizer(config, total_steps=trial.steps, global_batch_size=tuning.batch_size, layer_rates=rates)
