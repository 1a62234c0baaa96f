"""Corruptions: of the announced size, ever stronger, the same whatever the batch, and classified by the clean probe."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from aag_tf.config import ProtocolConfig
from aag_tf.data import ArrayImages
from aag_tf.evaluation import Examples, FeatureSet, raw_pixels
from aag_tf.evaluation.corruptions import SETTINGS, STRENGTHS, corrupted, settings
from aag_tf.evaluation.robustness import robustness


def photographs(shape=(32, 32, 3), count=12):
    rng = np.random.default_rng(0)
    coarse = tf.constant(rng.integers(40, 216, (count, 8, 8, shape[2])), tf.float32)
    smooth = tf.image.resize(coarse, shape[:2], method="bicubic").numpy() + rng.normal(0, 6, (count, *shape))
    return np.clip(np.round(smooth), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("shape", [(32, 32, 3), (80, 72, 1), (24, 40, 5)])
def test_each_strength_takes_a_picture_further_away(kind, shape):
    pictures = photographs(shape)
    everything = np.arange(len(pictures))
    images = [corrupted(ArrayImages(pictures), kind, strength).numpy(everything) for strength in STRENGTHS]
    away = [np.mean((image.astype(float) - pictures) ** 2) for image in images]
    assert all(image.dtype == np.uint8 and image.shape == pictures.shape for image in images)
    assert away[0] > 0
    assert np.all(np.diff(away) > 0)


def test_noise_has_the_announced_deviation():
    gray = np.full((6, 32, 32, 3), 128, np.uint8)
    for strength in STRENGTHS:
        noisy = corrupted(ArrayImages(gray), "noise", strength).numpy(np.arange(6)).astype(float)
        assert noisy.mean() == pytest.approx(128, abs=1)
        assert noisy.std() == pytest.approx(255 * settings("noise", (32, 32, 3))[strength - 1], rel=0.03)


def test_contrast_keeps_the_mean_and_scales_the_rest():
    pictures = photographs()
    low = corrupted(ArrayImages(pictures), "contrast", 2).numpy(np.arange(len(pictures))).astype(float)
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(low, mean + 0.5 * (pictures - mean), atol=0.51)


def test_blur_leaves_a_plain_picture_and_smooths_an_edge():
    edge = np.zeros((1, 32, 32, 1), np.uint8)
    edge[:, :, 16:] = 200
    blurred = corrupted(ArrayImages(edge), "blur", 5).numpy([0])[0, 10, :, 0].astype(int)
    assert blurred[0] == 0
    assert blurred[-1] == 200
    assert np.all(np.diff(blurred) >= 0)
    assert 20 < blurred[15] < 100 < blurred[16] < 180


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_picture_is_corrupted_alike_in_every_batch(kind):
    images = corrupted(ArrayImages(photographs()), kind, 3, seed=5)
    together = images.numpy(np.arange(12))
    np.testing.assert_array_equal(images.numpy([7, 2]), together[[7, 2]])


def test_each_of_many_channels_is_compressed_as_a_gray_picture():
    pictures = photographs((16, 24, 4))
    together = corrupted(ArrayImages(pictures), "jpeg", 3).numpy(np.arange(12))
    for channel in range(4):
        gray = ArrayImages(pictures[..., channel : channel + 1])
        np.testing.assert_array_equal(together[..., channel], corrupted(gray, "jpeg", 3).numpy(np.arange(12))[..., 0])


def test_the_seed_decides_the_noise():
    images = ArrayImages(photographs())
    first, again, other = (corrupted(images, "noise", 3, seed).numpy([0, 1]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.mean(first != other) > 0.5
    assert np.mean(first[0] - photographs()[0] != first[1] - photographs()[1]) > 0.5  # two pictures, two noises


def test_robustness_applies_the_clean_probe_to_corrupted_images():
    pixels, labels = load_digits(return_X_y=True)
    pictures = np.round(pixels * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    bank, queries = ArrayImages(pictures[:600]), ArrayImages(pictures[600:800])
    features = FeatureSet(
        "pixels",
        Examples(raw_pixels(bank), labels[:600], bank),
        Examples(raw_pixels(queries), labels[600:800], queries),
        ProtocolConfig(),
        embed=raw_pixels,
    )
    overall, *parts = robustness(features)
    assert [part.name for part in parts] == [f"robustness_{kind}" for kind in SETTINGS]
    clean = np.mean(features.probe_predictions == labels[600:800])
    noisy = features.probe.predict(raw_pixels(corrupted(queries, "noise", 5, 0)))
    assert parts[0].details["accuracy"][4] == np.mean(noisy == labels[600:800])
    assert parts[0].details["clean"] == clean
    assert overall.value == pytest.approx(np.mean([part.value for part in parts]))
    assert overall.value < clean
    assert overall.low < overall.value < overall.high
    assert robustness(dataclasses.replace(features, embed=None)) == []
