"""The auxiliary branch's geometry, on images whose pixels are their own coordinates."""

import numpy as np
import pytest

from aag_tf.augment import PRESETS, AuxiliaryBranch, MainBranch

# Without XLA, which takes seconds to compile each branch and shape; test_everywhere.py compares the two.
PLAIN = {
    "color_strength": 0.0,
    "grayscale_probability": 0.0,
    "flip": False,
    "blur_probability": 0.0,
    "jit_compile": False,
}
STILL = {**PLAIN, "crop_min_area": 1.0}
OPERATIONS = tuple(PRESETS["geometric"].operations)


def coordinates(height, width):
    """An image whose channels are its pixels' rows and columns."""
    y, x = np.mgrid[:height, :width].astype("float32")
    return np.stack([y, x, np.zeros_like(y)], axis=-1)[None]


def uniforms_of(branch, **amounts):
    """Numbers that draw a whole crop and these operations, by their share of the way from least to most."""
    uniforms = np.full((1, branch.num_uniforms), 0.5, "float32")
    whether = MainBranch().num_uniforms
    for index, name in enumerate(OPERATIONS):
        uniforms[:, whether + index] = 0.0 if name in amounts else 0.99
        uniforms[:, whether + len(OPERATIONS) + index] = amounts.get(name, 0.5)
    return uniforms


def jacobian(view):
    """How the place in the image changes with the place in the view, about its middle, pixel by pixel."""
    y, x = (side // 2 for side in view.shape[:2])
    return np.stack([view[y + 1, x, :2] - view[y, x, :2], view[y, x + 1, :2] - view[y, x, :2]], axis=1)


@pytest.mark.parametrize("size", [(32, 32), (32, 64), (48, 16)])
def test_a_rotation_keeps_angles_and_lengths_whatever_the_shape(size):
    branch = AuxiliaryBranch("geometric", **STILL)
    view = branch.transform(coordinates(*size), uniforms_of(branch, rotate=1.0)).numpy()[0]
    turn = np.deg2rad(30.0)
    expected = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    np.testing.assert_allclose(jacobian(view), expected, atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (32, 64), (48, 16)])
@pytest.mark.parametrize("name", ["shear_x", "shear_y"])
def test_a_shear_shifts_by_pixels_whatever_the_shape(name, size):
    branch = AuxiliaryBranch("geometric", **STILL)
    view = branch.transform(coordinates(*size), uniforms_of(branch, **{name: 1.0})).numpy()[0]
    expected = {"shear_x": [[1.0, 0.0], [0.3, 1.0]], "shear_y": [[1.0, 0.3], [0.0, 1.0]]}[name]
    np.testing.assert_allclose(jacobian(view), expected, atol=1e-3)


def test_a_warp_that_does_nothing_is_the_main_branchs_sampling():
    images = np.random.default_rng(0).integers(0, 256, (8, 24, 40, 3), np.uint8)
    auxiliary, main = AuxiliaryBranch("geometric", 1e-6, **PLAIN), MainBranch(**PLAIN)
    uniforms = np.random.default_rng(1).uniform(size=(8, auxiliary.num_uniforms)).astype("float32")
    expected = main.transform(images, uniforms[:, : main.num_uniforms])
    np.testing.assert_allclose(auxiliary.transform(images, uniforms), expected, atol=0.05)


def test_views_that_are_smaller_than_images_do_not_alias():
    # Noise of 74 gray levels: means of 4 x 4 pixels have a quarter of that, single pixels all of it.
    noise = np.random.default_rng(0).integers(0, 256, (16, 128, 64, 3), np.uint8)
    main = MainBranch(size=(32, 16), **STILL)
    auxiliary = AuxiliaryBranch("geometric", 1.0, size=(32, 16), **STILL)
    uniforms = np.random.default_rng(1).uniform(size=(16, auxiliary.num_uniforms)).astype("float32")
    for branch in (main, auxiliary):
        assert branch.transform(noise, uniforms[:, : branch.num_uniforms]).numpy().std() < 20


def test_a_view_of_one_pixel_is_the_mean_of_the_crop():
    branch = AuxiliaryBranch("geometric", size=(1, 1), **STILL)
    view = branch.transform(coordinates(9, 5), uniforms_of(branch)).numpy()[0, 0, 0]
    np.testing.assert_allclose(view[:2], [4.0, 2.0], atol=1e-3)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("smallest", [0.005, 0.05, 0.3])
def test_an_auxiliary_crop_is_never_narrower_than_the_main_branchs(smallest, strength):
    main = MainBranch(crop_min_area=smallest, **PLAIN)
    auxiliary = AuxiliaryBranch("default", strength, crop_min_area=smallest, **PLAIN)
    uniforms = np.full((1, auxiliary.num_uniforms), 0.5, "float32")
    uniforms[:, 0] = 0.0  # the smallest crop
    uniforms[:, -4:] = 0.99  # no cutout
    views = [b.transform(coordinates(128, 128), uniforms[:, : b.num_uniforms]).numpy() for b in (auxiliary, main)]
    seen, mains = (np.ptp(view[..., 0]) for view in views)
    assert mains == pytest.approx(127 * smallest**0.5, rel=0.01)
    assert seen <= mains + 1e-3
    assert (seen < 0.99 * mains) == (smallest > 0.08 and strength > 0.0)
