"""The classifier: a linear probe on an encoder, as one network of Keras's own layers."""

import keras
import numpy as np
import pytest
from tuning_runs import shapes

from aag_tf.config import EncoderConfig
from aag_tf.encoders import build_encoder, plain_encoder
from aag_tf.evaluation.linear_probe import fit_linear_probe
from aag_tf.finetuning.network import build_classifier, head_of

LABELS = np.arange(60) % 3
IMAGES = shapes(LABELS).astype(np.float32)


def tiny():
    keras.utils.set_random_seed(0)
    return build_encoder(EncoderConfig("tiny", width=0.25), (8, 8, 1))


def test_with_the_weights_of_a_probe_it_predicts_as_the_probe():
    encoder = tiny()
    features = encoder.predict(IMAGES, verbose=0)
    probe = fit_linear_probe(features, LABELS, l2_grid=[0.01])
    classifier = build_classifier(encoder, (8, 8, 1), 3, "0..255")
    assert (classifier.predict(IMAGES, verbose=0) == 0).all()
    classifier.get_layer("logits").set_weights(head_of(probe))
    logits = classifier.predict(IMAGES, verbose=0)
    assert (logits.argmax(axis=1) == probe.predict(features)).all()
    embedding = keras.Model(classifier.input, classifier.get_layer("embedding").output)
    np.testing.assert_allclose(embedding.predict(IMAGES, verbose=0), features, atol=1e-6)


def test_a_copy_of_stock_layers_gives_the_same_logits():
    classifier = build_classifier(tiny(), (8, 8, 1), 3, "0..255")
    classifier.get_layer("logits").set_weights([np.ones((32, 3)) * [1, 2, 3], np.arange(3)])
    plain = plain_encoder(classifier)
    assert {type(layer).__module__.partition(".")[0] for layer in plain.layers} == {"keras"}
    assert plain.input.dtype == plain.output.dtype == "float32"
    expected = classifier.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(plain.predict(IMAGES, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("input_range", "expected"),
    [("0..255", 255.0), ("0..1", 1.0), ("-1..1", 1.0), ("imagenet", (255 - (123.675 + 116.28 + 103.53) / 3) / 57.63)],
)
def test_pixels_are_scaled_to_what_a_foreign_network_expects(input_range, expected):
    inputs = keras.Input((None, None, 1))
    foreign = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="embedding")(inputs))
    classifier = build_classifier(foreign, (8, 8, 1), 2, input_range)
    embedding = keras.Model(classifier.input, classifier.get_layer("embedding").output)
    assert embedding.predict(np.full((1, 8, 8, 1), 255.0), verbose=0)[0, 0] == pytest.approx(expected, rel=1e-4)
    assert classifier.input_shape == (None, 8, 8, 1)
