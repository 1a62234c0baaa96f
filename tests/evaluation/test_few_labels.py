"""Few labels: stratified draws that differ and repeat, accuracy that grows with the labels, weights that stay."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from aag_tf.config import AugmentConfig, EncoderConfig, ProtocolConfig
from aag_tf.data import ArrayImages
from aag_tf.encoders import build_encoder
from aag_tf.evaluation import Examples, FeatureSet, embed, fit_linear_probe
from aag_tf.evaluation.few_labels import few_labels, stratified_draw
from aag_tf.evaluation.fine_tune import fine_tune, new_classifier, supervised_encoder

PICTURES, LABELS = load_digits(return_X_y=True)
PICTURES = np.round(PICTURES * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
BANK, QUERIES = slice(700), slice(700, 1000)
FASTER = {"fine_tune_learning_rate": 5e-3}
GENTLE = AugmentConfig(flip=False, crop_min_area=0.8)  # a mirrored or magnified digit is another one

# Of Keras's own get_weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def new_encoder():
    keras.utils.set_random_seed(0)
    return build_encoder(EncoderConfig("tiny", width=0.25), (8, 8, 1))


def features_of(encoder, network=None, untrained=False, **settings):
    bank, queries = ArrayImages(PICTURES[BANK]), ArrayImages(PICTURES[QUERIES])
    return FeatureSet(
        "encoder",
        Examples(embed(encoder, bank), LABELS[BANK], bank),
        Examples(embed(encoder, queries), LABELS[QUERIES], queries),
        ProtocolConfig(**settings),
        network=network,
        untrained=untrained,
        augment=GENTLE,
    )


@pytest.fixture(scope="module")
def untrained():
    return features_of(new_encoder())


@pytest.fixture(scope="module")
def supervised():
    """An encoder that was trained on all labels of the bank."""
    protocol = ProtocolConfig(supervised_epochs=6, **FASTER)
    return supervised_encoder(new_encoder(), ArrayImages(PICTURES[BANK]), LABELS[BANK], protocol, GENTLE)


def test_a_draw_takes_its_share_of_every_class():
    labels = np.repeat([3, 8, 40], [1000, 200, 4])
    rows = stratified_draw(labels, 0.1, seed=0, number=0)
    assert np.all(np.diff(rows) > 0)
    assert [int(np.sum(labels[rows] == label)) for label in (3, 8, 40)] == [100, 20, 1]  # one at least
    np.testing.assert_array_equal(rows, stratified_draw(labels, 0.1, seed=0, number=0))
    for other in ({"seed": 0, "number": 1}, {"seed": 1, "number": 0}):
        assert len(np.intersect1d(rows, stratified_draw(labels, 0.1, **other))) < 40
    np.testing.assert_array_equal(stratified_draw(labels, 1.0, seed=0, number=0), np.arange(1204))


def test_probe_reports_mean_and_spread_over_draws():
    pixels = PICTURES.reshape(-1, 64).astype(np.float32)
    bank, queries = Examples(pixels[BANK], LABELS[BANK]), Examples(pixels[QUERIES], LABELS[QUERIES])
    few, many = few_labels(FeatureSet("pixels", bank, queries, ProtocolConfig(label_percents="2,20", label_draws=2)))
    assert [few.name, many.name] == ["few_labels_probe_2%", "few_labels_probe_20%"]
    sizes = np.bincount(LABELS[BANK])
    assert few.details["labels"] == sum(round(0.02 * size) for size in sizes)
    assert many.details["labels"] == sum(round(0.2 * size) for size in sizes)
    assert len(few.details["draws"]) == 2
    assert few.value == pytest.approx(np.mean(few.details["draws"]))
    assert few.details["std"] == pytest.approx(np.std(few.details["draws"], ddof=1))
    assert few.details["std"] > 0
    assert few.low < few.value < few.high
    assert few.value + 0.1 < many.value


def test_fine_tuning_learns_from_a_draw_and_leaves_the_encoder_alone(untrained):
    encoder, made = new_encoder(), []
    before = [weight.copy() for weight in encoder.get_weights()]

    def network():
        made.append(new_encoder())
        return made[-1]

    settings = {"label_percents": "30", "label_draws": 1, "fine_tune_steps": 80, **FASTER}
    features = features_of(encoder, network, untrained=True, **settings)
    (tuned,) = fine_tune(features)
    assert tuned.name == "fine_tune_30%"
    rows = stratified_draw(features.bank_labels, 0.3, seed=0, number=0)
    assert tuned.details["labels"] == len(rows)
    probe = fit_linear_probe(features.bank.features[rows], features.bank_labels[rows], l2_grid=[1e-3])
    accuracy = np.mean(probe.predict(features.queries.features) == features.query_labels)
    assert tuned.value > accuracy + 0.05  # a random encoder has much to learn
    for now, then in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert len(made) == 1
    assert any(np.any(now != then) for now, then in zip(made[0].get_weights(), before, strict=True))
    assert fine_tune(untrained) == []  # nothing that can be trained


def test_fine_tuning_a_trained_encoder_starts_at_the_probe(supervised):
    def network():
        copy = keras.models.clone_model(supervised)
        copy.set_weights(supervised.get_weights())
        return copy

    settings = {"label_percents": "30", "label_draws": 1, "fine_tune_steps": 5, "fine_tune_learning_rate": 1e-5}
    features = features_of(supervised, network, **settings)
    probe = fit_linear_probe(features.bank.features, features.bank_labels, l2_grid=[1e-3])
    logits = embed(new_classifier(supervised, 10, probe), features.queries.images)
    assert np.mean(probe.classes[logits.argmax(axis=1)] == probe.predict(features.queries.features)) > 0.995
    assert fine_tune(features)[0].value == pytest.approx(few_labels(features)[0].value, abs=0.05)


def test_a_supervised_encoder_beats_an_untrained_one(untrained, supervised):
    before = np.mean(untrained.knn_predictions == untrained.query_labels)
    after = features_of(supervised)
    assert np.mean(after.knn_predictions == after.query_labels) > before + 0.02
