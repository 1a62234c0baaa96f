"""ImageNet weights in encoders: the embeddings that Keras's own models give with the same file."""

import keras
import numpy as np
import pytest
from calibrated import calibrate
from encoder_files import save_legacy
from keras.src.utils import file_utils

from aag_tf.config import EncoderConfig
from aag_tf.encoders import finalize_normalization
from aag_tf.encoders.imagenet import imagenet_encoder
from aag_tf.utils.errors import ConfigError

# One of every way in which Keras preprocesses.
NAMES = ("VGG16", "MobileNetV2", "MobileNetV3Small", "ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0")


def new_weights(model, pixels):
    """Weights with which images and channels are told apart."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("mean", "beta", "bias"):
            weight.assign(generator.uniform(0.2, 0.4, weight.shape))
        if weight.name in ("variance", "gamma"):
            weight.assign(generator.uniform(0.5, 1.0, weight.shape))
    finalize_normalization(model)
    calibrate(model, pixels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_gives_the_embeddings_of_the_model_of_keras(name, tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3)).repeat(13, axis=1).repeat(13, axis=2)[:, :64, :64]
    build = getattr(keras.applications, name)
    file = tmp_path / "weights.h5"
    model = build(include_top=False, weights=None, input_shape=(64, 64, 3))
    new_weights(model, pixels)
    save_legacy(model, file)
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(file))  # in place of the download
    reference = build(include_top=False, weights="imagenet", input_shape=(64, 64, 3), pooling="avg")
    finalize_normalization(reference)
    module = __import__(f"keras.applications.{build.__module__.rpartition('.')[2]}", fromlist=["preprocess_input"])

    expected = reference(module.preprocess_input(pixels.astype("float32")), training=False).numpy()
    assert np.ptp(expected, axis=0).max() > 0.01 * np.abs(expected).max()
    encoder = imagenet_encoder(EncoderConfig(name, input_range="imagenet"), (64, 64), file)
    embeddings = encoder(pixels.astype(np.uint8), training=False).numpy()
    np.testing.assert_allclose(embeddings, expected, atol=1e-4 * np.abs(expected).max())
    turned = encoder(pixels[..., ::-1].astype(np.uint8), training=False).numpy()
    assert np.abs(turned - expected).max() > 1e-3 * np.abs(expected).max()  # the order of channels matters


def test_a_file_of_another_model_is_refused(tmp_path):
    file = tmp_path / "weights.h5"
    save_legacy(keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3)), file)
    for content in (file, tmp_path / "text.h5"):
        (tmp_path / "text.h5").write_text("no HDF5")
        with pytest.raises(ConfigError, match="does not hold the weights of VGG16 without its classifier") as refusal:
            imagenet_encoder(EncoderConfig("VGG16", input_range="imagenet"), (32, 32), content)
        assert "\n" not in str(refusal.value)
