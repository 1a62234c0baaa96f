"""What encoders scale pixels to: as Keras's own preprocessing does, in any number of channels."""

import inspect

import keras
import numpy as np
import pytest

from aag_tf.config.encoder_names import APPLICATIONS
from aag_tf.encoders.pixel_scaling import CAFFE, mean_and_deviation

MODULES = {
    name: module
    for module in vars(keras.applications).values()
    if inspect.ismodule(module)
    for name in vars(module)
    if name in APPLICATIONS
}
BY_THEMSELVES = ("ConvNeXt", "EfficientNet", "MobileNetV3")  # their models preprocess; see test_imagenet.py
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("float32")


def scaled(name, input_range, images):
    mean, deviation = mean_and_deviation(name, input_range, images.shape[-1])
    return (images - np.array(mean)) / np.array(deviation)


@pytest.mark.parametrize("name", [name for name in APPLICATIONS if not name.startswith(BY_THEMSELVES)])
def test_imagenet_weights_see_what_keras_preprocesses(name):
    expected = MODULES[name].preprocess_input(PIXELS.copy())
    expected = expected[..., ::-1] if name in CAFFE else expected
    np.testing.assert_allclose(scaled(name, "imagenet", PIXELS), expected, rtol=1e-4, atol=1e-4)


def test_every_model_of_keras_is_in_one_of_the_tests():
    assert set(APPLICATIONS) - set(MODULES) == {"MobileNetV3Large", "MobileNetV3Small"}  # whose module has no builders
    for name, module in MODULES.items():
        changed = np.any(module.preprocess_input(PIXELS.copy()) != PIXELS)
        assert changed != name.startswith(BY_THEMSELVES), name


@pytest.mark.parametrize("input_range", ["auto", "-1..1"])
def test_other_weights_see_minus_one_to_one_whatever_the_channels(input_range):
    for name, largest in (("ResNet50", 1.0), ("EfficientNetB3", 255.0), ("EfficientNetV2B0", 1.0)):
        images = np.array([[[[0.0] * 5, [255.0] * 5]]])
        np.testing.assert_allclose(scaled(name, input_range, images)[0, 0], [[-largest] * 5, [largest] * 5])


def test_further_channels_take_the_values_of_rgb_in_turn_and_fewer_their_average():
    assert mean_and_deviation("DenseNet121", "imagenet", 5)[0] == (123.675, 116.28, 103.53, 123.675, 116.28)
    assert mean_and_deviation("DenseNet121", "imagenet", 1)[1] == (pytest.approx((58.395 + 57.12 + 57.375) / 3),)
