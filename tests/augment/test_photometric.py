"""Operations on gray levels do what Pillow does, and nothing at an amount of 0."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from aag_tf.augment import photometric


def equalized(image):
    """The share of the pixels that are darker, of the share of those darker than the brightest (Pillow's has steps)."""
    levels = np.asarray(image, np.int64)
    below = np.searchsorted(np.sort(levels, axis=None), levels)
    return 255.0 * below / below.max()


# What is allowed is Pillow's rounding, and that of its smoothed picture times what sharpness adds.
CASES = {
    "autocontrast": (photometric.autocontrast, 1.0, ImageOps.autocontrast, 1.0),
    "equalize": (
        lambda images, amount: photometric.equalize(images, amount, photometric.histograms(images)),
        1.0,
        equalized,
        1e-3,
    ),
    "brightness": (photometric.scale, 0.5, lambda image: ImageEnhance.Brightness(image).enhance(1.5), 1.0),
    "contrast": (photometric.stretch, -0.5, lambda image: ImageEnhance.Contrast(image).enhance(0.5), 1.0),
    "posterize": (photometric.posterize, 4.0, lambda image: ImageOps.posterize(image, 4), 0.0),
    "solarize": (photometric.solarize, 0.5, lambda image: ImageOps.solarize(image, 128), 0.0),
    "invert": (photometric.solarize, 1.0, ImageOps.invert, 0.0),
    "sharpness": (photometric.sharpen, 0.8, lambda image: ImageEnhance.Sharpness(image).enhance(1.8), 1.5),
}


def picture():
    """A gray picture that has neither black nor white, and each level it has about equally often."""
    coarse = np.random.default_rng(0).uniform(40, 200, (1, 8, 8, 1)).astype("float32")
    return np.clip(tf.image.resize(coarse, (48, 40), method="bicubic"), 30, 220).round()


@pytest.mark.parametrize("name", CASES)
def test_as_pillow_does(name):
    operation, amount, pillow, tolerance = CASES[name]
    images = picture()
    expected = np.asarray(pillow(Image.fromarray(images[0, ..., 0].astype(np.uint8))), np.float32)
    found = operation(tf.constant(images), tf.constant([amount]))[0, ..., 0]
    assert np.abs(found - expected).max() <= tolerance
    assert np.abs(expected - images[0, ..., 0]).mean() > 1.0  # something was changed


@pytest.mark.parametrize("name", CASES)
def test_an_amount_of_nothing_changes_nothing(name):
    images = tf.constant(picture())
    np.testing.assert_allclose(CASES[name][0](images, tf.zeros([1])), images, atol=1e-4)
