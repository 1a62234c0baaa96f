"""The whole encoder trained further on labels: on a few, as semi-supervised papers do, or from scratch on all.

With few labels the classifier of a trained encoder starts from the linear probe on the same draw, so that random
weights on top do not distort good features first (A. Kumar et al., *Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution*, arXiv 2202.10054, 2022). That of an untrained one starts from zero: its features
change with the first batch statistics.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from aag_tf.config import AugmentConfig, OptimizerConfig, ProtocolConfig
from aag_tf.data import Images, SelectedImages
from aag_tf.evaluation.candidate import Candidate
from aag_tf.evaluation.features import embed
from aag_tf.evaluation.few_labels import fit_few, over_draws
from aag_tf.evaluation.linear_probe import LinearProbe
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import SUPERVISED
from aag_tf.evaluation.views import crops_and_flips, labeled_batches
from aag_tf.optimizers import build_optimizer
from aag_tf.utils.progress import progress_bar

BATCH_SIZE = 64
WEIGHT_DECAY = 1e-4
WARMUP_FRACTION = 0.1
# Of the running mean and variance: at Keras's 0.99, those of a few hundred steps ago would still be judged.
STATISTICS_MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast an encoder is trained on labels: AdamW, linear warm-up, cosine to zero."""

    steps: int
    learning_rate: float
    seed: int
    batch_size: int = BATCH_SIZE

    def optimizer(self) -> keras.optimizers.Optimizer:
        """A new optimizer."""
        config = OptimizerConfig(
            "adamw", self.learning_rate, weight_decay=WEIGHT_DECAY, warmup_fraction=WARMUP_FRACTION
        )
        return build_optimizer(config, total_steps=self.steps, global_batch_size=self.batch_size)


def fine_tune(candidate: Candidate) -> list[Measure]:
    """Accuracy after training a fresh copy of the encoder on each draw of labels; the encoder itself stays as it is."""
    network, images = candidate.network, candidate.bank.images
    judged = candidate.queries.images
    if network is None or images is None or judged is None:
        return []
    config, labels = candidate.config, candidate.bank_labels

    def classify(rows: np.ndarray, number: int) -> np.ndarray:
        probe = fit_few(candidate.bank.features[rows], labels[rows])
        classifier = new_classifier(network(), len(probe.classes), None if candidate.untrained else probe)
        schedule = Schedule(config.fine_tune_steps, config.fine_tune_learning_rate, config.seed + number)
        owners = np.searchsorted(probe.classes, labels[rows])
        train_classifier(
            classifier,
            SelectedImages(images, rows),
            owners,
            schedule,
            candidate.augment,
            progress=candidate.progress,
            name=f"{candidate.name}: {len(rows)} labels, draw {number + 1}",
        )
        logits = embed(classifier, judged, config.embed_batch_size, progress=candidate.progress, name="judging")
        return probe.classes[np.argmax(logits, axis=1)]

    return over_draws(candidate, "fine_tune", classify)


def supervised_encoder(
    network: keras.Model,
    images: Images,
    labels: np.ndarray,
    config: ProtocolConfig,
    augment: AugmentConfig,
    *,
    progress: bool = True,
) -> keras.Model:
    """Trains an untrained encoder on all labels, to see what the network can do; returns it without its classifier.

    Args:
        network: the encoder; it is changed.
        images: to learn from.
        labels: int [n] of them.
        config: `supervised_epochs`, and the learning rate and seed of fine-tuning.
        augment: for crops and flips.
        progress: whether there is a bar.
    """
    classes, owners = np.unique(labels, return_inverse=True)
    classifier = new_classifier(network, len(classes))
    steps = config.supervised_epochs * max(1, len(images) // BATCH_SIZE)
    schedule = Schedule(steps, config.fine_tune_learning_rate, config.seed)
    train_classifier(classifier, images, owners, schedule, augment, progress=progress, name=SUPERVISED)
    return network


def new_classifier(network: keras.Model, num_classes: int, probe: LinearProbe | None = None) -> keras.Model:
    """The encoder with a linear layer on top, images to logits [b, C]: zeros, or the logits of a probe."""
    head = keras.layers.Dense(num_classes, kernel_initializer="zeros", dtype="float32", name="classifier")
    classifier = keras.Model(network.inputs, head(network.output))
    if probe is not None:
        weights = probe.weights / probe.scale[:, np.newaxis]
        head.set_weights([weights, probe.bias - probe.mean @ weights])
    return classifier


def train_classifier(
    classifier: keras.Model,
    images: Images,
    owners: np.ndarray,
    schedule: Schedule,
    augment: AugmentConfig,
    *,
    progress: bool = True,
    name: str = "training",
) -> None:
    """Trains all weights of a classifier on crops and flips, with batch statistics, by cross-entropy.

    Args:
        classifier: images to logits [b, C]; it is changed.
        images: to learn from.
        owners: int [n] in 0..C-1.
        schedule: how long and how fast.
        augment: the settings of crops and flips.
        progress: whether there is a bar.
        name: what the bar says.
    """
    classifier.trainable = True
    for layer in classifier._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, STATISTICS_MOMENTUM)
    optimizer = schedule.optimizer()
    optimizer.build(classifier.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = classifier(pictures, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, classifier.trainable_variables), classifier.trainable_variables, strict=True)
        )
        return loss

    batches = labeled_batches(
        images,
        owners,
        crops_and_flips(augment, images.shape),
        batch_size=min(schedule.batch_size, len(images)),
        steps=schedule.steps,
        seed=schedule.seed,
    )
    with progress_bar(name, schedule.steps, "step", wanted=progress) as bar:
        for pictures, targets in batches:
            step(pictures, targets)
            bar.update()
