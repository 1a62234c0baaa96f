import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.data.files.resizing import fit, fit_array
from aag_tf.data.files.sizes import lost_share, padded_size, suggested_size, target_size, warn_of_size
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


WIDE = np.zeros((4, 12, 1), np.uint8)
WIDE[:, :6], WIDE[:, 6:] = 100, 200


def test_padding_keeps_the_whole_image_with_black_beside_it():
    padded = fit(tf.constant(WIDE), (12, 12), "pad").numpy()[..., 0]
    np.testing.assert_array_equal(padded[4:8], WIDE[..., 0])
    assert not padded[:4].any()
    assert not padded[8:].any()
    batch = fit(tf.constant(np.stack([WIDE, WIDE])), (6, 6), "pad").numpy()
    assert batch.shape == (2, 6, 6, 1)
    assert (batch[:, 2:4, 0] == 100).all()
    assert (batch[:, 2:4, 5] == 200).all()


def test_stretching_keeps_the_whole_image():
    stretched = fit(tf.constant(WIDE), (4, 4), "stretch").numpy()[..., 0]
    assert stretched[:, 0].tolist() == [100] * 4
    assert stretched[:, 3].tolist() == [200] * 4


@pytest.mark.parametrize(
    ("found", "size", "expected"),
    [
        ((40, 800), (64, 64), (3, 64)),
        ((800, 40), (64, 64), (64, 3)),
        ((1, 1000), (8, 8), (1, 8)),
        ((5, 5), (8, 4), (4, 4)),
    ],
)
def test_size_of_a_padded_image(found, size, expected):
    assert padded_size(found, size) == expected
    pixels = tf.ones([*found, 1], tf.uint8)
    shown = fit(pixels, size, "pad").numpy()[..., 0]
    assert (int(shown.max(1).sum()), int(shown.max(0).sum())) == expected


def test_height_and_width_may_differ():
    assert target_size(None, "64x320") == (64, 320)
    assert target_size((10, 10), "8x4") == (8, 4)


@pytest.mark.parametrize(
    ("sizes", "size", "lost"),
    [([(64, 320)], (224, 224), 0.8), ([(40, 800)], (8, 8), 0.95), ([(8, 8), (8, 16)], (4, 4), 0.25), ([], (4, 4), 0.0)],
)
def test_share_that_cropping_loses(sizes, size, lost):
    assert lost_share(sizes, size) == pytest.approx(lost)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([(64, 320)], (64, 320)), ([(640, 3200)], (100, 501)), ([(10, 90_000)], (4, 1024)), ([(3, 30)], (4, 30))],
)
def test_suggested_sizes_have_the_usual_aspect_and_no_more_pixels(sizes, expected):
    assert suggested_size(sizes, (224, 224)) == expected
    assert target_size(None, "x".join(map(str, expected))) == expected


def test_a_picture_that_loses_much_is_told_with_the_flags_that_keep_it(caplog):
    warn_of_size("folder:x", (64, 320), None)
    warn_of_size("folder:x", (64, 320), 64)
    warn_of_size("folder:x", (64, 320), None, "pad")
    warn_of_size("folder:x", (64, 320), 64, "stretch")
    warn_of_size("folder:x", (300, 400), None)
    assert caplog.messages == [
        "folder:x has images of 64x320: each is scaled and cropped to 224x224, which cuts away 80% of an average "
        "picture; --fit=pad keeps it whole, --image_size=64x320 its shape.",
        "folder:x has images of 64x320: each is scaled and cropped to 64x64, which cuts away 80% of an average "
        "picture; --fit=pad keeps it whole, --image_size=29x143 its shape.",
        "folder:x has images of 64x320: each is scaled and padded with black to 224x224; --image_size chooses "
        "another size.",
        "folder:x has images of 300x400: each is scaled and cropped to 224x224; --image_size chooses another size.",
    ]
