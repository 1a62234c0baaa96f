"""Main views have the distribution that the settings describe, and the measurements notice wrong ones.

Measured on synthetic images against the settings and against keras-cv's branch. Samples are so large that chance alone
exceeds a tolerance less than once in a thousand runs; all seeds are fixed besides.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script

from aag_tf.augment import MainBranch
from aag_tf.augment.main_branch import DRAWS

measurements = script("augment_measurements")

COUNT = 4000
BATCH = 100  # views of one call, so that a choice made once per batch shows
CHANCE = 1.95 * np.sqrt(2 / COUNT)  # Kolmogorov distance that two equal distributions exceed once in a thousand
# Without XLA, which takes seconds to compile each branch; test_everywhere.py compares the two.
SETTINGS = {"blur_probability": 0.0, "jit_compile": False}
GEOMETRY = {"crop_min_area": 0.2, "color_strength": 0.0, "grayscale_probability": 0.0, **SETTINGS}
COLOR = {"crop_min_area": 1.0, "color_strength": 0.5, "grayscale_probability": 0.2, "flip": False, **SETTINGS}


def draw(branch, images):
    """Views of images in batches, each batch from a seed of its own."""
    batches = [
        branch(images[start : start + BATCH], seed=tf.constant([7, start])) for start in range(0, len(images), BATCH)
    ]
    return np.concatenate([batch.numpy() for batch in batches])


@functools.cache
def pictures(count):
    coarse = np.random.default_rng(0).uniform(0, 255, (count, 4, 4, 3)).astype("float32")
    return np.clip(tf.image.resize(coarse, (12, 12), method="bicubic").numpy(), 0, 255).round()


@functools.cache
def reference(geometric):
    """Views of keras-cv's branch."""
    from aag_tf.augment.keras_cv_branch import KerasCVMainBranch

    keras.utils.set_random_seed(0)
    if geometric:
        branch = KerasCVMainBranch(size=(24, 24), **GEOMETRY)
        return measurements.measure_crops(branch(measurements.coordinate_images(COUNT, (24, 24))))
    branch = KerasCVMainBranch(size=(12, 12), **COLOR)
    return measurements.measure_colors(branch(pictures(COUNT)))


def check_geometry(build):
    crops = measurements.measure_crops(draw(build(**GEOMETRY), measurements.coordinate_images(COUNT, (24, 24))))
    expected = reference(True)
    for name in ("area", "aspect", "vertical", "horizontal"):
        found = measurements.distance(getattr(crops, name), getattr(expected, name))
        assert found < CHANCE, f"{name}: {found:.3f}"
    # Shares of fair coins, four standard deviations: how many are flipped, and how many differ from their neighbor.
    tolerance = 4 * 0.5 / np.sqrt(COUNT)
    assert crops.flipped.mean() == pytest.approx(0.5, abs=tolerance)
    assert (crops.flipped[1:] != crops.flipped[:-1]).mean() == pytest.approx(0.5, abs=tolerance)
    for position in (crops.vertical, crops.horizontal):
        known = position[~np.isnan(position)]
        assert np.quantile(known, [0.01, 0.99]) == pytest.approx([0.01, 0.99], abs=0.01)  # crops touch the border
    both = ~np.isnan(crops.vertical) & ~np.isnan(crops.horizontal)
    assert abs(np.corrcoef(crops.vertical[both], crops.horizontal[both])[0, 1]) < 4 / np.sqrt(both.sum())


def check_color(build):
    colors, expected = measurements.measure_colors(draw(build(**COLOR), pictures(COUNT))), reference(False)
    assert colors.gray.mean() == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(COUNT))
    for channel in range(3):
        # Matrices are not HSV: docs/measurements/augment.md measures on photographs what that costs on top of chance.
        for name in ("mean", "variance"):
            found = measurements.distance(getattr(colors, name)[:, channel], getattr(expected, name)[:, channel])
            assert found < CHANCE + 0.02, f"{name} of channel {channel}: {found:.3f}"
    assert measurements.histogram_distance(colors.histogram, expected.histogram) < 3.0  # gray levels


def check_hue(build):
    """Full jitter of saturated colors, hue alone: as far as `tf.image.adjust_hue` turns them, and the same way."""
    branch = build(**{**COLOR, "color_strength": 1.0, "grayscale_probability": 0.0})
    uniforms = np.full((201, branch.num_uniforms), 0.5, "float32")
    uniforms[:, DRAWS.index("jitter")] = 0.0
    uniforms[:, DRAWS.index("hue")] = np.linspace(0.0, 1.0, 201)
    turns = np.linspace(-0.2, 0.2, 201)  # of the circle, as SimCLR at full strength has it
    for name, color in measurements.PURE_COLORS.items():
        images = np.full((201, 2, 2, 3), color, "float32")
        found = measurements.hue_turns(branch.transform(images, uniforms), color)
        expected = [
            measurements.hue_turns(tf.image.adjust_hue(images[:1] / 255.0, turn) * 255.0, color)[0] for turn in turns
        ]
        # A turn about the gray axis and one in HSV meet at 0 and at thirds; clipping parts them by 0.03 between.
        assert np.abs(found - expected).max() < 0.05, name


def test_crops_and_flips():
    check_geometry(MainBranch)


def test_colors():
    check_color(MainBranch)


def test_hue():
    check_hue(MainBranch)


def broken(change):
    """A main branch whose random numbers are bent before they are used."""

    class Broken(MainBranch):
        def transform(self, images, uniforms):
            draws = dict(zip(DRAWS, tf.unstack(tf.convert_to_tensor(uniforms), axis=1), strict=True))
            return super().transform(images, tf.stack(list({**draws, **change(draws)}.values()), axis=1))

    return Broken


def batch_flip(draws):
    return {"flip": tf.zeros_like(draws["flip"]) + draws["flip"][0]}


def side_for_area(draws):
    smallest = GEOMETRY["crop_min_area"]
    side = smallest**0.5 + (1 - smallest**0.5) * draws["area"]
    return {"area": (side**2 - smallest) / (1 - smallest)}


BROKEN = {
    "flips a batch at once": (check_geometry, batch_flip),
    "never flips": (check_geometry, lambda draws: {"flip": tf.ones_like(draws["flip"])}),
    "never touches the border": (check_geometry, lambda draws: {"top": 0.05 + 0.9 * draws["top"]}),
    "keeps to the diagonal": (check_geometry, lambda draws: {"left": draws["top"]}),
    "takes the side for the area": (check_geometry, side_for_area),
    "keeps the aspect": (check_geometry, lambda draws: {"aspect": 0.5 * tf.ones_like(draws["aspect"])}),
    "always jitters": (check_color, lambda draws: {"jitter": tf.zeros_like(draws["jitter"])}),
    "is gray too often": (check_color, lambda draws: {"gray": 0.8 * draws["gray"]}),
    "brightens only": (check_color, lambda draws: {"brightness": 0.5 + 0.5 * draws["brightness"]}),
    "has half the contrast": (check_color, lambda draws: {"contrast": 0.25 + 0.5 * draws["contrast"]}),
    "saturates by brightness": (check_color, lambda draws: {"saturation": draws["brightness"]}),
    "turns hue the wrong way": (check_hue, lambda draws: {"hue": 1.0 - draws["hue"]}),
    "turns hue half as far": (check_hue, lambda draws: {"hue": 0.25 + 0.5 * draws["hue"]}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_branch_that_is_wrong_is_found(name):
    check, change = BROKEN[name]
    with pytest.raises(AssertionError):
        check(broken(change))


def test_measurements_of_crops_that_are_known():
    images = measurements.coordinate_images(2, (101, 51))
    views = np.stack([images[0, 10:61, 20:46], images[0, 50:, ::-1][:51, 25:]])  # the second: mirrored, lower left
    crops = measurements.measure_crops(views)
    np.testing.assert_allclose(crops.area, [0.5 * 0.5, 0.5 * 0.5], atol=1e-6)
    np.testing.assert_allclose(crops.vertical, [0.1 / 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(crops.horizontal, [0.4 / 0.5, 0.0], atol=1e-6)
    np.testing.assert_array_equal(crops.flipped, [False, True])


def test_centers_that_are_known():
    images = measurements.coordinate_images(1, (41, 41))
    turned = np.rot90(images, axes=(1, 2))
    centers = measurements.measure_centers(np.concatenate([images, images[:, :, ::-1], turned, np.roll(images, 4, 1)]))
    np.testing.assert_allclose(centers.degrees[:2], 0.0, atol=1e-4)
    assert abs(centers.degrees[2]) == pytest.approx(90.0)
    np.testing.assert_allclose(centers.down, [0.5, 0.5, 0.5, 0.4], atol=1e-6)


def test_distances_that_are_known():
    assert measurements.distance([0, 1, np.nan], [2, 3]) == 1.0
    assert measurements.distance(np.arange(10), np.arange(10)) == 0.0
    one, other = np.zeros((1, 256)), np.zeros((1, 256))
    one[0, 10] = other[0, 13] = 1.0
    assert measurements.histogram_distance(one, other) == pytest.approx(3.0)
    green = np.full((1, 2, 2, 3), (0.0, 100.0, 0.0))
    assert measurements.hue_turns(green, measurements.PURE_COLORS["red"]) == pytest.approx([1 / 3])
    assert len(measurements.hue_turns(np.full((1, 2, 2, 3), 9.0), measurements.PURE_COLORS["red"])) == 0
