"""The linear probe of the literature: SGD for many epochs on crops and flips of the training images, encoder frozen.

After T. Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, arXiv 2002.05709 (2020),
appendix B.6: Nesterov momentum 0.9, 90 epochs, no weight decay, random crops and flips. Ours standardizes features and
follows a cosine to zero; of several learning rates, trained side by side, a held-out tenth chooses.
"""

import time

import numpy as np
import tensorflow as tf

from aag_tf.augment import MainBranch
from aag_tf.data import epoch_order
from aag_tf.evaluation.accuracy import accuracies
from aag_tf.evaluation.checks import class_indices
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.precision import full_float32
from aag_tf.evaluation.views import crops_and_flips, view
from aag_tf.utils import seeds
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.progress import progress_bar

BATCH_SIZE = 256
MOMENTUM = 0.9
HELD_OUT_FRACTION = 0.1


class Heads:
    """Linear classifiers trained side by side on the same batches, each at its own learning rate.

    Args:
        dim: length of a feature vector.
        num_classes: C.
        learning_rates: [r], at the start of the cosine decay.
        total_steps: length of the cosine decay.
    """

    def __init__(self, dim: int, num_classes: int, learning_rates: tuple[float, ...], total_steps: int) -> None:
        self.rates = tf.constant(learning_rates, tf.float32)
        self.total_steps = total_steps
        count = len(learning_rates)
        shapes = ([count, dim, num_classes], [count, 1, num_classes])
        self.parameters = [tf.Variable(tf.zeros(shape), trainable=False) for shape in shapes]
        self.momenta = [tf.Variable(tf.zeros(shape), trainable=False) for shape in shapes]
        self.step = tf.Variable(0.0, trainable=False)

    def logits(self, rows: tf.Tensor) -> tf.Tensor:
        """Maps float32 [b, d] to [r, b, C]."""
        weights, bias = self.parameters
        return tf.matmul(rows[tf.newaxis], weights) + bias

    @tf.function(reduce_retracing=True)
    def learn(self, rows: tf.Tensor, owners: tf.Tensor, batches: tf.Tensor) -> None:
        """Trains for an epoch by SGD with Nesterov momentum.

        Args:
            rows: float32 [n, d].
            owners: int32 [n], the class of each row.
            batches: int64 [steps, b] into the rows.
        """
        for numbers in batches:
            some = tf.gather(rows, numbers)  # [b, d]
            errors = tf.nn.softmax(self.logits(some)) - tf.one_hot(tf.gather(owners, numbers), self._num_classes)
            errors /= tf.cast(tf.shape(numbers)[0], tf.float32)  # [r, b, C], the gradient by the logits
            gradients = (
                tf.matmul(some[tf.newaxis], errors, transpose_a=True),
                tf.reduce_sum(errors, axis=1, keepdims=True),
            )
            cosine = 0.5 * (1.0 + tf.cos(np.pi * self.step / self.total_steps))
            rates = (self.rates * cosine)[:, tf.newaxis, tf.newaxis]
            for value, momentum, gradient in zip(self.parameters, self.momenta, gradients, strict=True):
                momentum.assign(MOMENTUM * momentum - rates * gradient)
                value.assign_add(MOMENTUM * momentum - rates * gradient)
            self.step.assign_add(1.0)

    @property
    def _num_classes(self) -> int:
        return self.parameters[0].shape[2]


@full_float32()
def linear_sgd(features: FeatureSet) -> list[Measure]:
    """Accuracy of the best head after `sgd_epochs` epochs.

    Raises:
        EvaluationError: there is one class only, or every learning rate diverged.
    """
    began = time.perf_counter()
    protocol = features.protocol
    classes, indices = class_indices(features.bank_labels)
    mean, deviation = features.bank.features.mean(axis=0), features.bank.features.std(axis=0)
    deviation = np.where(deviation <= 1e-6 * np.abs(mean), 1.0, deviation).astype(np.float32)

    def standardized(values: np.ndarray) -> tf.Tensor:
        return tf.constant((values - mean) / deviation, tf.float32)

    rates = protocol.sgd_rates
    learning, held_out = _divided(len(indices), protocol.seed, several=len(rates) > 1)
    batch_size = min(BATCH_SIZE, len(learning))
    steps = len(learning) // batch_size
    heads = Heads(features.dim, len(classes), rates, steps * protocol.sgd_epochs)
    owners = tf.constant(indices, tf.int32)
    images = features.bank.images if protocol.sgd_augment and features.embed is not None else None
    branch = None if images is None else crops_and_flips(features.augment, images.shape)
    rows = standardized(features.bank.features)
    with progress_bar(f"{features.name}: SGD", protocol.sgd_epochs, "epoch") as bar:
        for epoch in range(protocol.sgd_epochs):
            if branch is not None:
                rows = standardized(_augmented_features(features, branch, epoch))
            order = learning[epoch_order(len(learning), protocol.seed, epoch)[: steps * batch_size]]
            heads.learn(rows, owners, tf.constant(order.reshape(steps, batch_size)))
            bar.update()

    best, held_out_accuracy = _best(heads, standardized(features.bank.features[held_out]), indices[held_out])
    scores = heads.logits(standardized(features.queries.features))[best]
    if not np.isfinite(scores).all():
        raise EvaluationError(
            f"linear_sgd diverged on the {features.name}; give lower --sgd_learning_rates than {max(rates):g}."
        )
    details = {
        "solver": "sgd",
        "epochs": protocol.sgd_epochs,
        "learning_rate": rates[best],
        "held_out_accuracy": dict(zip(map("{:g}".format, rates), held_out_accuracy, strict=False)),
        "batch_size": batch_size,
        "momentum": MOMENTUM,
        "augmented": branch is not None,
        "seconds": time.perf_counter() - began,
    }
    predicted = classes[np.argmax(scores, axis=1)]
    return accuracies(features, "linear_sgd", predicted == features.query_labels, **details)


def _augmented_features(features: FeatureSet, branch: MainBranch, epoch: int) -> np.ndarray:
    assert features.embed is not None
    assert features.bank.images is not None
    return features.embed(view(features.bank.images, branch, features.protocol.seed, "linear_sgd_view", epoch))


def _divided(count: int, seed: int, *, several: bool) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows into those to learn from and those that choose the learning rate, none where there is no choice."""
    order = seeds.generator(seed, "linear_sgd_held_out").permutation(count)
    size = max(1, round(HELD_OUT_FRACTION * count)) if several else 0
    return order[size:], order[:size]


def _best(heads: Heads, rows: tf.Tensor, owners: np.ndarray) -> tuple[int, list[float]]:
    """Returns the index of the best head and the held-out accuracy of each; a head that diverged has 0."""
    if len(owners) == 0:
        return 0, []
    scores = heads.logits(rows).numpy()
    finite = np.isfinite(scores).all(axis=(1, 2))
    accuracy = [float(right) for right in finite * (np.argmax(scores, axis=2) == owners).mean(axis=1)]
    return int(np.argmax(accuracy)), accuracy
