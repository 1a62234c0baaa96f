"""Weights for another number of channels: an image whose channels are alike gets the response that it got before."""

import keras
import numpy as np
import pytest

from aag_tf.config import EncoderConfig
from aag_tf.encoders import build_encoder, finalize_normalization, weight_shapes
from aag_tf.encoders.channels import fit_channels


def gray_images(channels):
    gray = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1)).astype(np.uint8)
    return np.repeat(gray, channels, axis=3)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 2), (3, 4), (3, 13), (4, 3), (1, 1)])
def test_gray_images_keep_their_embeddings(before, after):
    old, new = (build_encoder(EncoderConfig("tiny", width=0.25), (32, 32, channels)) for channels in (before, after))
    new.set_weights(fit_channels(old.get_weights(), weight_shapes(new)))
    expected = old(gray_images(before), training=False).numpy()
    np.testing.assert_allclose(
        new(gray_images(after), training=False), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()
    )


def test_further_channels_share_the_kernels_of_the_old_ones_in_turn():
    kernel = np.arange(2 * 2 * 3 * 5, dtype=np.float32).reshape(2, 2, 3, 5)
    (fitted,) = fit_channels([kernel], [(2, 2, 4, 5)])
    np.testing.assert_array_equal(fitted[:, :, 1:3], kernel[:, :, 1:])
    np.testing.assert_array_equal(fitted[:, :, 0], kernel[:, :, 0] / 2)
    np.testing.assert_array_equal(fitted[:, :, 3], kernel[:, :, 0] / 2)


def test_gray_has_the_sum_of_red_green_and_blue():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)
    (fitted,) = fit_channels([kernel], [(3, 3, 1, 4)])
    np.testing.assert_allclose(fitted[:, :, 0], kernel.sum(axis=2), rtol=1e-6)


def test_statistics_before_the_first_convolution_are_adapted_too():
    old, new = (build_encoder(EncoderConfig("EfficientNetB0"), (32, 32, channels)) for channels in (3, 5))
    normalization = next(layer for layer in old._flatten_layers() if isinstance(layer, keras.layers.Normalization))
    normalization.set_weights([np.float32([0.1, 0.2, 0.3]), np.float32([1.0, 2.0, 3.0]), np.int32(0)])
    new.set_weights(fit_channels(old.get_weights(), weight_shapes(new)))
    finalize_normalization(new)
    adapted = next(layer for layer in new._flatten_layers() if isinstance(layer, keras.layers.Normalization))
    np.testing.assert_allclose(adapted.get_weights()[0], [0.1, 0.2, 0.3, 0.1, 0.2])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([(3, 3, 3, 8), (8,)], [(3, 3, 3, 8)]),  # another number of weights
        ([(3, 3, 3, 8)], [(3, 3, 1, 16)]),  # another width
        ([(3, 3, 3, 8)], [(7, 7, 1, 8)]),  # another stem
        ([(3, 3, 3, 8), (3, 3, 8, 8)], [(3, 3, 1, 8), (3, 3, 4, 8)]),  # a second convolution
        ([(3, 3, 3, 8), (8,)], [(3, 3, 1, 8), (4,)]),  # statistics after it
        ([(3,)], [(3, 1)]),
    ],
)
def test_other_differences_are_told(before, after):
    assert fit_channels([np.zeros(shape) for shape in before], after) is None
