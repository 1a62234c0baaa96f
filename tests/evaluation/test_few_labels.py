"""Few labels: stratified draws that differ and repeat, figures that grow with the labels, weights that stay."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from aag_tf.config import AugmentConfig, EncoderConfig, ProtocolConfig
from aag_tf.data import ArrayImages
from aag_tf.encoders import build_encoder
from aag_tf.evaluation import Candidate, Examples, embed
from aag_tf.evaluation.few_labels import few_labels, stratified_draw
from aag_tf.evaluation.fine_tune import fine_tune, new_classifier, supervised_encoder

PICTURES, LABELS = load_digits(return_X_y=True)
FASTER = {"fine_tune_learning_rate": 5e-3}
GENTLE = AugmentConfig(flip=False, crop_min_area=0.8)  # a mirrored or magnified digit is another one
PICTURES = np.round(PICTURES * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)


def encoder(seed=0):
    keras.utils.set_random_seed(seed)
    return build_encoder(EncoderConfig("tiny", width=0.25), (8, 8, 1))


def candidate(model, network=None, untrained=False, **settings):
    bank, queries = ArrayImages(PICTURES[:1400]), ArrayImages(PICTURES[1400:])
    return Candidate(
        "encoder",
        Examples(embed(model, bank, progress=False), LABELS[:1400], bank),
        Examples(embed(model, queries, progress=False), LABELS[1400:], queries),
        ProtocolConfig(**settings),
        embed=lambda images: embed(model, images, progress=False),
        network=network,
        untrained=untrained,
        augment=GENTLE,
        progress=False,
    )


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
    few, many = few_labels(candidate(encoder(), label_percents="2,20", label_draws=2))
    assert [few.name, many.name] == ["few_labels_probe_2%", "few_labels_probe_20%"]
    sizes = np.bincount(LABELS[:1400])
    assert few.details["labels"] == sum(round(0.02 * size) for size in sizes)
    assert many.details["labels"] == sum(round(0.2 * size) for size in sizes)
    assert len(few.details["draws"]) == 2
    assert few.value == pytest.approx(np.mean(few.details["draws"]))
    assert few.details["std"] == pytest.approx(np.std(few.details["draws"], ddof=1))
    assert few.details["std"] > 0
    assert few.low < few.value < few.high
    assert few.value + 0.1 < many.value


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # of Keras's own get_weights
def test_fine_tuning_learns_from_a_draw_and_leaves_the_encoder_alone():
    model = encoder()
    before = [weight.copy() for weight in model.get_weights()]
    made = []

    def network():
        made.append(encoder())
        return made[-1]

    judged = candidate(
        model, network, untrained=True, label_percents="20", label_draws=1, fine_tune_steps=150, **FASTER
    )
    (probe,) = few_labels(judged)
    (tuned,) = fine_tune(judged)
    assert tuned.name == "fine_tune_20%"
    assert tuned.details["labels"] == probe.details["labels"]
    assert tuned.value > probe.value + 0.05  # a random encoder has much to learn
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert len(made) == 1
    assert any(np.any(now != then) for now, then in zip(made[0].get_weights(), before, strict=True))
    assert fine_tune(candidate(model)) == []  # nothing that can be trained


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # of Keras's own get_weights
def test_fine_tuning_a_trained_encoder_starts_at_the_probe():
    trained = supervised_encoder(
        encoder(), ArrayImages(PICTURES[:700]), LABELS[:700], ProtocolConfig(supervised_epochs=6, **FASTER), GENTLE,
        progress=False,
    )  # fmt: skip
    judged = candidate(trained, lambda: keras.models.clone_model(trained))
    classifier = new_classifier(trained, 10, judged.probe)
    logits = embed(classifier, judged.queries.images, progress=False)
    assert np.mean(judged.probe.classes[logits.argmax(axis=1)] == judged.probe_predictions) > 0.995

    def network():
        copy = keras.models.clone_model(trained)
        copy.set_weights(trained.get_weights())
        return copy

    settings = {"label_percents": "20", "label_draws": 1, "fine_tune_steps": 5, "fine_tune_learning_rate": 1e-5}
    judged = candidate(trained, network, **settings)
    assert fine_tune(judged)[0].value == pytest.approx(few_labels(judged)[0].value, abs=0.05)


def test_a_supervised_encoder_beats_an_untrained_one():
    untrained = candidate(encoder())
    trained = supervised_encoder(
        encoder(),
        untrained.bank.images,
        untrained.bank_labels,
        ProtocolConfig(supervised_epochs=4, **FASTER),
        untrained.augment,
        progress=False,
    )
    before = np.mean(untrained.knn_predictions == untrained.query_labels)
    after = candidate(trained)
    assert np.mean(after.knn_predictions == after.query_labels) > before + 0.02
