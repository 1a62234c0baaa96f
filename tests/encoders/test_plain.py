"""A copy of Keras's own layers alone: the same embeddings, in a process that has Keras and not this package."""

import functools
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from calibrated import calibrate

from aag_tf.config import EncoderConfig
from aag_tf.encoders import RESNETS, build_encoder, dtype_policy, finalize_normalization, plain_encoder
from aag_tf.utils.errors import ConfigError

TOLERANCE = 1e-6  # of the largest number in the embeddings, or of 1

# Without site-packages' .pth files, through which the package of a checkout is found.
ALONE = """
import importlib.util, pathlib, sys
sys.path += sys.argv[2:]
assert importlib.util.find_spec("aag_tf") is None
import keras, numpy as np
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    try:
        model = keras.models.load_model(file)
    except Exception as error:
        file.with_suffix(".error.txt").write_text(str(error))
        continue
    embeddings = model(np.load(file.with_suffix(".pixels.npy")), training=False)
    np.save(file.with_suffix(".embeddings.npy"), keras.ops.convert_to_numpy(embeddings))
assert not any(name.partition(".")[0] == "aag_tf" for name in sys.modules)
"""

OWN = [
    ("tiny", (8, 8, 1), {"width": 0.25}),
    ("tiny", (16, 40, 5), {"width": 0.25, "embedding_grid": 2}),
    ("resnet18", (32, 32, 3), {"width": 0.125}),
    ("resnet34", (28, 30, 1), {"width": 0.125}),
    ("resnet50", (64, 64, 4), {"width": 0.125, "stem": "imagenet"}),
]
APPLICATIONS = [  # the smallest of each family
    *[(name, (32, 32, 3), {}) for name in ("ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "MobileNet")],
    *[(name, (32, 32, 1), {}) for name in ("DenseNet121", "ResNet50", "ResNet50V2", "VGG16")],
    *[(name, (75, 75, 3), {}) for name in ("InceptionV3", "Xception")],
    ("MobileNetV2", (32, 64, 13), {}),
    ("MobileNetV3Small", (64, 64, 5), {"embedding_grid": 2}),
]
OPENED_ALONE = [*OWN, *APPLICATIONS[:2]]  # of others those whose layers few have


def trained(name, shape, settings):
    """An encoder whose normalization has other statistics, scales and offsets than new layers."""
    encoder = build_encoder(EncoderConfig(name, **settings), shape)
    generator = np.random.default_rng(0)
    for weight in encoder.weights:
        if weight.name in ("gamma", "moving_variance", "variance"):
            low, high = (0.3, 0.7) if weight.name == "gamma" else (0.5, 1.5)
            weight.assign(generator.uniform(low, high, weight.shape))
        if weight.name in ("beta", "moving_mean", "mean"):
            weight.assign(generator.uniform(-0.3, 0.3, weight.shape))
    finalize_normalization(encoder)
    if name not in RESNETS:  # of some of these nothing would come through with such statistics
        calibrate(encoder, pixels(shape))
    return encoder


def with_copy(name, shape, settings):
    encoder = trained(name, shape, settings)
    return encoder, plain_encoder(encoder)


@functools.cache
def opened_alone():
    """Those of `OPENED_ALONE`, each with its copy; tests must not change them."""
    return [with_copy(*case) for case in OPENED_ALONE]


def pixels(shape, count=8):
    """Images of patches, dark to bright, as different as pictures are."""
    height, width, channels = shape
    brightest = np.linspace(40, 255, count)[:, None, None, None]
    patches = np.random.default_rng(1).uniform(0, brightest, (count, 5, 5, channels))
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 5 // width
    return patches[:, rows][:, :, columns].astype(np.uint8)


def assert_same(embeddings, expected):
    expected = np.asarray(expected)
    allowed = TOLERANCE * max(1.0, np.abs(expected).max())
    assert embeddings.dtype == np.float32
    assert np.ptp(expected, axis=0).max() > 10 * allowed  # images differ
    assert np.abs(embeddings - expected).max() <= allowed


def embed_alone(folder, models):
    """The embeddings of each model in a process that has Keras and not this package, or what Keras says of it."""
    for number, model in enumerate(models):
        model.save(folder / f"{number}.keras")
        np.save(folder / f"{number}.pixels.npy", pixels(model.input_shape[1:]))
    places = [place for place in sys.path if place.endswith("site-packages")]
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(folder), *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    errors = [folder / f"{number}.error.txt" for number in range(len(models))]
    return [
        error.read_text() if error.is_file() else np.load(folder / f"{number}.embeddings.npy")
        for number, error in enumerate(errors)
    ]


@pytest.mark.parametrize("case", [*OWN, *APPLICATIONS], ids=lambda case: case[0])
def test_gives_the_same_embeddings_with_classes_of_keras_alone(case):
    encoder, plain = opened_alone()[OPENED_ALONE.index(case)] if case in OPENED_ALONE else with_copy(*case)
    shape = case[1]
    assert "aag_tf" not in plain.to_json()  # what `config.json` of a file is
    assert_same(plain(pixels(shape), training=False).numpy(), encoder(pixels(shape), training=False))


def test_opens_in_a_process_without_this_package_and_embeds_alike_which_the_encoder_itself_does_not(tmp_path):
    encoders, plain = zip(*opened_alone(), strict=True)
    *embedded, of_encoder = embed_alone(tmp_path, [*plain, encoders[0]])
    for embeddings, encoder in zip(embedded, encoders, strict=True):
        assert_same(embeddings, encoder(pixels(encoder.input_shape[1:]), training=False))
    assert "aag_tf>BatchNorm" in of_encoder


def test_trains_as_batch_normalization_of_its_momentum_and_epsilon():
    plain = plain_encoder(trained(*OWN[0]))
    norms = [layer for layer in plain.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) > 5
    assert {(type(norm).__module__, norm.momentum, norm.epsilon, norm.synchronized) for norm in norms} == {
        ("keras.src.layers.normalization.batch_normalization", 0.9, 1e-5, False)
    }


def test_is_float32_where_the_encoder_was_built_for_training_in_16_bit():
    with dtype_policy("mixed_bfloat16"):
        encoder = trained(*OWN[0])
    plain = plain_encoder(encoder)
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    for weight, own in zip(plain.get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, own)


@keras.saving.register_keras_serializable("tests")
def halved(images):
    return images / 2


def test_classes_and_functions_that_keras_does_not_have_are_refused():
    layers = [keras.Input((8, 8, 1)), keras.layers.Activation(halved), keras.layers.Flatten()]
    with pytest.raises(ConfigError, match="uses tests>halved, which is not Keras's own"):
        plain_encoder(keras.Sequential(layers))


def test_does_not_change_with_the_encoder_it_was_copied_from():
    encoder = trained(*OWN[0])
    before = encoder(pixels(OWN[0][1])).numpy()
    plain = plain_encoder(encoder)
    encoder.set_weights([weight * 0 for weight in encoder.get_weights()])
    assert_same(plain(pixels(OWN[0][1])).numpy(), before)
    assert json.loads(plain.to_json())["config"]["name"] == "tiny"
