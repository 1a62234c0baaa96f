"""Fine-tunes the whole encoder on few labels (the semi-supervised protocol), or trains it from scratch on all.

With few labels the classifier of a trained encoder starts from the linear probe on the same draw, so that random
weights on top do not first distort good features (A. Kumar et al., *Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution*, arXiv 2202.10054, 2022). That of an untrained one starts from zero: its features
change with the first batch statistics.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from aag_tf.config import AugmentConfig, OptimizerConfig, ProtocolConfig
from aag_tf.data import Images, SelectedImages
from aag_tf.evaluation.feature_set import FeatureSet
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
# Of the running mean and variance: at Keras's 0.99, statistics of hundreds of steps ago would count in inference.
STATISTICS_MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Length and learning rate of a training on labels: AdamW, linear warm-up, cosine decay to zero."""

    steps: int
    learning_rate: float
    seed: int
    batch_size: int = BATCH_SIZE

    def optimizer(self) -> keras.optimizers.Optimizer:
        """Returns a new optimizer."""
        config = OptimizerConfig(
            "adamw", self.learning_rate, weight_decay=WEIGHT_DECAY, warmup_fraction=WARMUP_FRACTION
        )
        return build_optimizer(config, total_steps=self.steps, global_batch_size=self.batch_size)


def fine_tune(features: FeatureSet) -> list[Measure]:
    """Accuracy after fine-tuning a fresh copy of the encoder on each draw of labels; the encoder is not changed."""
    network, images, queries = features.network, features.bank.images, features.queries.images
    if network is None or images is None or queries is None:
        return []
    protocol, labels = features.protocol, features.bank_labels

    def classify(rows: np.ndarray, number: int) -> np.ndarray:
        probe = fit_few(features.bank.features[rows], labels[rows])
        classifier = new_classifier(network(), len(probe.classes), None if features.untrained else probe)
        schedule = Schedule(protocol.fine_tune_steps, protocol.fine_tune_learning_rate, protocol.seed + number)
        owners = np.searchsorted(probe.classes, labels[rows])
        name = f"{features.name}: {len(rows)} labels, draw {number + 1}"
        train_classifier(classifier, SelectedImages(images, rows), owners, schedule, features.augment, name=name)
        logits = embed(classifier, queries, protocol.embed_batch_size, name="predicting")
        return probe.classes[np.argmax(logits, axis=1)]

    return over_draws(features, "fine_tune", classify)


def supervised_encoder(
    network: keras.Model, images: Images, labels: np.ndarray, protocol: ProtocolConfig, augment: AugmentConfig
) -> keras.Model:
    """Trains an untrained encoder on all labels, as an upper baseline; returns it without its classifier.

    Args:
        network: the encoder; its weights are changed.
        images: to learn from.
        labels: their labels, int [n].
        protocol: `supervised_epochs`, and the learning rate and seed of fine-tuning.
        augment: the settings of crops and flips.
    """
    classes, owners = np.unique(labels, return_inverse=True)
    classifier = new_classifier(network, len(classes))
    steps = protocol.supervised_epochs * max(1, len(images) // BATCH_SIZE)
    schedule = Schedule(steps, protocol.fine_tune_learning_rate, protocol.seed)
    train_classifier(classifier, images, owners, schedule, augment, name=SUPERVISED)
    return network


def new_classifier(network: keras.Model, num_classes: int, probe: LinearProbe | None = None) -> keras.Model:
    """Adds a linear layer to an encoder: images to logits [b, C], which are zero, or those of a probe."""
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
    name: str = "training",
) -> None:
    """Trains all weights of a classifier on crops and flips, with batch statistics, by cross-entropy.

    Args:
        classifier: images to logits [b, C]; its weights are changed.
        images: to learn from.
        owners: class indices, int [n] in 0..C-1.
        schedule: length and learning rate.
        augment: the settings of crops and flips.
        name: text of the progress bar.
    """
    classifier.trainable = True
    for layer in classifier._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, STATISTICS_MOMENTUM)
    optimizer = schedule.optimizer()
    optimizer.build(classifier.trainable_variables)

    @tf.function(autograph=False, reduce_retracing=True)
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
    with progress_bar(name, schedule.steps, "step") as bar:
        for pictures, targets in batches:
            step(pictures, targets)
            bar.update()
