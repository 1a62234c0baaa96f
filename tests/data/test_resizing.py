import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.data.resizing import fit, fit_array, target_size, warn_of_size
from aag_tf.utils.log import logger


@pytest.mark.parametrize(
    ("agreed", "image_size", "expected"),
    [
        ((28, 28), None, (28, 28)),
        ((218, 178), None, (218, 178)),
        ((256, 256), None, (256, 256)),
        ((257, 100), None, (224, 224)),
        (None, None, (224, 224)),
        ((28, 28), 32, (32, 32)),
        (None, 64, (64, 64)),
    ],
)
def test_size_rule(agreed, image_size, expected):
    assert target_size(agreed, image_size) == expected


def test_a_size_that_nobody_asked_for_is_logged(monkeypatch):
    said = []
    monkeypatch.setattr(logger, "warning", lambda text, *values: said.append(text % values))
    warn_of_size("x", (28, 28), None)
    warn_of_size("x", None, 64)
    assert said == []
    warn_of_size("folder:x", None, None)
    assert said == [
        "folder:x has images of several sizes: each is scaled and cropped to 224x224; "
        "--image_size chooses another size."
    ]


@pytest.mark.parametrize("shape", [(40, 40, 3), (64, 30, 1), (31, 90, 3), (5, 5, 1)])
def test_fit_equals_crop_and_resize_of_pillow(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    side = min(shape[:2])
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    crop = Image.fromarray(image[top : top + side, left : left + side].squeeze())
    expected = np.asarray(crop.resize((16, 16), Image.Resampling.BILINEAR)).reshape(16, 16, shape[2])
    fitted = fit(tf.constant(image), (16, 16))
    assert fitted.dtype == tf.uint8
    # Pillow rounds between its two passes and has fixed-point weights.
    assert np.abs(fitted.numpy().astype(int) - expected).max() <= 1


def test_fit_crops_the_center():
    image = np.zeros((4, 12, 1), np.uint8)
    image[:, 4:8] = 200
    assert (fit(tf.constant(image), (4, 4)).numpy() == 200).all()


def test_fit_array_works_in_chunks_alike():
    images = np.random.default_rng(0).integers(0, 256, (300, 6, 6, 1), dtype=np.uint8)
    fitted = fit_array(images, (9, 9))
    for number in (0, 255, 256, 299):
        np.testing.assert_array_equal(fitted[number], fit(tf.constant(images[number]), (9, 9)).numpy())
    assert fit_array(images, (6, 6)) is images
