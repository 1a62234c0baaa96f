"""The SGD probe: Keras's optimizer step by step, near the L-BFGS optimum, its learning rate chosen on held-out rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from aag_tf.config import ProtocolConfig
from aag_tf.data import ArrayImages
from aag_tf.evaluation import Examples, FeatureSet, raw_pixels
from aag_tf.evaluation.linear_sgd import MOMENTUM, Heads, linear_sgd
from aag_tf.utils.errors import EvaluationError

FEATURES, LABELS = load_digits(return_X_y=True)


def digits(**settings):
    bank, queries = Examples(FEATURES[:1200], LABELS[:1200]), Examples(FEATURES[1200:], LABELS[1200:])
    return FeatureSet("digits", bank, queries, ProtocolConfig(**settings))


def test_steps_are_those_of_keras():
    rows = tf.constant(FEATURES[:64] / 16, tf.float32)
    owners = tf.constant(LABELS[:64], tf.int32)
    batches = np.random.default_rng(0).permutation(64).reshape(4, 16)
    heads = Heads(64, 10, (0.1, 0.5), total_steps=4)
    heads.learn(rows, owners, tf.constant(batches))
    for head, rate in enumerate((0.1, 0.5)):
        weights, bias = tf.Variable(tf.zeros([64, 10])), tf.Variable(tf.zeros([10]))
        schedule = keras.optimizers.schedules.CosineDecay(rate, 4)
        optimizer = keras.optimizers.SGD(schedule, momentum=MOMENTUM, nesterov=True)
        for batch in batches:
            with tf.GradientTape() as tape:
                logits = tf.gather(rows, batch) @ weights + bias
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(owners, batch), logits)
                loss = tf.reduce_mean(losses)
            optimizer.apply_gradients(zip(tape.gradient(loss, [weights, bias]), [weights, bias], strict=True))
        np.testing.assert_allclose(heads.parameters[0][head], weights, atol=1e-6)
        np.testing.assert_allclose(heads.parameters[1][head, 0], bias, atol=1e-6)


def test_comes_near_the_optimum_and_says_how():
    features = digits(sgd_epochs=40)
    (measure,) = linear_sgd(features)
    best = np.mean(features.probe_predictions == LABELS[1200:])
    assert measure.value == pytest.approx(best, abs=0.03)
    assert measure.low < measure.value < measure.high
    assert measure.details["solver"] == "sgd"
    assert measure.details["augmented"] is False  # there are no images
    chosen = f"{measure.details['learning_rate']:g}"
    assert measure.details["held_out_accuracy"][chosen] == max(measure.details["held_out_accuracy"].values())
    assert len(measure.details["held_out_accuracy"]) == 5
    assert linear_sgd(features)[0].value == measure.value


def test_one_learning_rate_learns_from_every_row():
    (measure,) = linear_sgd(digits(sgd_epochs=2, sgd_learning_rates="0.1"))
    assert measure.details["held_out_accuracy"] == {}
    assert measure.details["learning_rate"] == 0.1


def test_learns_from_augmented_images():
    pictures = np.round(FEATURES * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    bank, queries = ArrayImages(pictures[:300]), ArrayImages(pictures[300:400])
    seen = []

    def embed(images):
        seen.append(images)
        return raw_pixels(images)

    parts = Examples(embed(bank), LABELS[:300], bank), Examples(embed(queries), LABELS[300:400], queries)
    settings = {"sgd_epochs": 3, "sgd_learning_rates": "0.01"}
    (measure,) = linear_sgd(FeatureSet("pixels", *parts, ProtocolConfig(**settings), embed=embed))
    assert measure.details["augmented"] is True
    first, second, third = (images.numpy([0, 1]) for images in seen[2:])
    assert np.any(first != pictures[:2])
    assert np.any(first != second)
    assert np.any(second != third)
    without = FeatureSet("pixels", *parts, ProtocolConfig(**settings, sgd_augment=False), embed=embed)
    assert linear_sgd(without)[0].details["augmented"] is False
    assert len(seen) == 5


def test_a_learning_rate_that_diverges_is_named():
    with pytest.raises(EvaluationError, match="linear_sgd diverged on the digits; give lower --sgd_learning_rates"):
        linear_sgd(digits(sgd_epochs=3, sgd_learning_rates="1e38"))
