"""The steps of a training on labels."""

import dataclasses
import itertools
from collections.abc import Iterator

import tensorflow as tf

from aag_tf.augment import MainBranch
from aag_tf.config import TuningConfig
from aag_tf.finetuning.batches import labeled_batches
from aag_tf.finetuning.labels import Labeled
from aag_tf.finetuning.sampling import SampleOrder
from aag_tf.finetuning.trial import FROM_RANDOM, Trial
from aag_tf.finetuning.trial_networks import TrialNetworks


@dataclasses.dataclass(frozen=True, eq=False)
class TrialImages:
    """What trials learn from and are chosen by; without held-out images nothing is."""

    train: Labeled
    held_out: Labeled | None
    branch: MainBranch | None
    order: SampleOrder


def train_steps(
    trial: Trial, networks: TrialNetworks, images: TrialImages, tuning: TuningConfig, done: int
) -> Iterator[tuple[int, tf.Tensor]]:
    """Runs the steps after the first `done`; yields the number of each, counted from 1, and its loss."""
    num_classes = networks.model.output_shape[-1]
    smoothing = tuning.label_smoothing
    batch_statistics = tuning.batch_statistics or trial.start == FROM_RANDOM

    @tf.function(autograph=False, reduce_retracing=True)
    def train_step(views: tf.Tensor, owners: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        targets = tf.one_hot(owners, num_classes) * (1.0 - smoothing) + smoothing / num_classes
        with tf.GradientTape() as tape:
            logits = networks.model(views, training=batch_statistics)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        variables = networks.model.trainable_variables
        networks.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        if networks.average is not None:
            networks.average.update(step)
        networks.position.loss_sum.assign_add(loss)
        networks.position.loss_count.assign_add(1.0)
        return loss

    batches = labeled_batches(
        images.train.images.images,
        images.train.owners,
        images.order,
        images.branch,
        batch_size=tuning.batch_size,
        seed=tuning.seed,
        start_step=done,
        num_steps=trial.last_step - done,
    )
    for step, (views, owners) in zip(itertools.count(done), batches, strict=False):
        yield step + 1, train_step(views, owners, tf.constant(step, tf.int64))
