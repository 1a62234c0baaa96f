"""The branches: what they leave unchanged, how often and how much they change, and that views repeat."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import PRESETS, AuxiliaryBranch, MainBranch, Preset, build_views
from aag_tf.config import AugmentConfig
from aag_tf.utils.errors import ConfigError

# Without XLA, which takes seconds to compile each branch and shape; test_everywhere.py compares the two.
main_branch = functools.partial(MainBranch, jit_compile=False)
auxiliary_branch = functools.partial(AuxiliaryBranch, jit_compile=False)

STILL = {"crop_min_area": 1.0, "color_strength": 0.0, "grayscale_probability": 0.0, "flip": False}


def pictures(count=64, size=(16, 16), channels=3, seed=0):
    """Smooth color images: random blobs, so that resampling has something to interpolate."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (count, 4, 4, channels)).astype("float32")
    return np.clip(tf.image.resize(coarse, size, method="bicubic").numpy(), 0, 255).round().astype(np.uint8)


def still_main(**changes):
    return main_branch(**{**STILL, **changes})


def apply(branch, images, seed=(1, 2)):
    return branch(images, seed=tf.constant(seed)).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (11, 18), (70, 70)])
def test_nothing_is_changed_where_nothing_is_asked_for(size, channels):
    images = pictures(4, size, channels)
    # A full-size crop of another aspect still cuts the longer side, so the aspect is pinned too.
    branch = still_main(blur_probability=0.0)
    uniforms = np.full((4, branch.num_uniforms), 0.5, "float32")
    np.testing.assert_allclose(branch.transform(images, uniforms), images, atol=1e-2)


@pytest.mark.parametrize("side", [16, 96])  # at 96 half of the views are blurred, which pixels of their own show
@pytest.mark.parametrize("preset", PRESETS)
def test_an_auxiliary_branch_of_no_strength_is_the_main_branch(preset, side):
    images = np.random.default_rng(0).integers(0, 256, (32, side, side, 3), np.uint8)
    auxiliary, main = auxiliary_branch(preset, 0.0), main_branch()
    uniforms = np.random.default_rng(0).uniform(size=(32, auxiliary.num_uniforms)).astype("float32")
    expected = main.transform(images, uniforms[:, : main.num_uniforms])
    np.testing.assert_allclose(auxiliary.transform(images, uniforms), expected, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_views_are_pictures_of_their_own_image(preset, channels):
    branch = main_branch() if preset is None else auxiliary_branch(preset, 2.0)
    images = pictures(48, (20, 14), channels)
    views = apply(branch, images)
    assert views.shape == images.shape
    assert views.dtype == np.float32
    assert views.min() >= 0.0
    assert views.max() <= 255.0
    assert branch.compute_output_shape(images.shape) == images.shape
    # In a batch of its own, with its own row of numbers, an image gives the same view.
    uniforms = np.random.default_rng(1).uniform(size=(48, branch.num_uniforms)).astype("float32")
    together, alone = branch.transform(images, uniforms), branch.transform(images[7:8], uniforms[7:8])
    np.testing.assert_allclose(alone[0], together[7], atol=0.51)


def test_half_of_the_views_are_mirrored_each_by_itself():
    images = pictures(400)
    branch = still_main(flip=True)
    uniforms = np.random.default_rng(0).uniform(size=(400, branch.num_uniforms)).astype("float32")
    uniforms[:, 1:4] = 0.5  # aspect and position
    views = branch.transform(images, uniforms).numpy()
    mirrored = np.abs(views - images[:, :, ::-1]).mean((1, 2, 3)) < np.abs(views - images).mean((1, 2, 3))
    assert 0.4 < mirrored.mean() < 0.6  # 4 standard deviations of 400 fair coins are 0.1
    assert 150 < np.sum(mirrored[1:] != mirrored[:-1]) < 250  # and neighbors do not flip together


def test_crops_cover_the_area_that_was_drawn():
    # On a ramp the range of gray levels in a view is the width of its crop.
    ramp = np.broadcast_to(np.linspace(0, 255, 64, dtype="float32")[None, None, :, None], (2000, 64, 64, 1))
    views = apply(still_main(crop_min_area=0.25), ramp)
    widths = (views.max((1, 2, 3)) - views.min((1, 2, 3))) / 255
    left = views.min((1, 2, 3)) / 255
    # E sqrt(area) for area uniform in [1/4, 1] is 7/9; the aspect spreads it, and sides above 1 are cut.
    assert widths.mean() == pytest.approx(7 / 9, abs=0.02)
    assert widths.min() > 0.25
    assert widths.max() == pytest.approx(1.0, abs=1e-3)
    position = left[widths < 0.95] / (1 - widths[widths < 0.95])
    assert position.mean() == pytest.approx(0.5, abs=0.03)
    assert position.min() < 0.02
    assert position.max() > 0.98


def test_a_share_of_the_views_is_gray():
    views = apply(still_main(grayscale_probability=0.3), pictures(1000))
    gray = np.ptp(views, axis=-1).max((1, 2)) < 0.01
    assert gray.mean() == pytest.approx(0.3, abs=0.06)  # 4 standard deviations


def test_hue_turns_red_toward_green_and_toward_blue():
    red = np.zeros((2000, 4, 4, 3), "float32")
    red[..., 0] = 200.0
    branch = main_branch(**{**STILL, "color_strength": 1.0})
    uniforms = np.full((2000, branch.num_uniforms), 0.5, "float32")
    uniforms[:, 5] = 0.0  # jitter is on
    uniforms[:, 9] = np.linspace(0, 1, 2000, endpoint=False)
    views = branch.transform(red, uniforms).numpy()[:, 0, 0]
    turn = 0.4 * (uniforms[:, 9] - 0.5)  # of the color circle: 0.2 either way
    toward_green = views[:, 1] > views[:, 2]
    assert toward_green[turn > 0.01].all()
    assert not toward_green[turn < -0.01].any()
    np.testing.assert_allclose(views[1000], [200, 0, 0], atol=1.0)


def test_cutout_grays_a_square_of_the_size_that_was_drawn():
    white = np.full((1500, 32, 32, 1), 255.0, "float32")
    branch = auxiliary_branch("cutout", **STILL)
    views = apply(branch, white)
    covered = np.isclose(views, 127.5).mean((1, 2, 3))
    assert covered.max() <= 0.25 + 1e-6  # half of a side, squared
    # A side uniform in [0, 16) covers (16²/3) / 32² where all of it is inside; near the border less.
    assert 0.05 < covered.mean() < 1 / 12
    assert set(np.unique(views.round(1))) == {np.float32(127.5), np.float32(255.0)}


def test_a_seed_repeats_and_another_does_not():
    images, branch = pictures(), auxiliary_branch("randaugment")
    np.testing.assert_array_equal(apply(branch, images), apply(branch, images))
    assert np.abs(apply(branch, images) - apply(branch, images, seed=(1, 3))).mean() > 5


def test_without_a_seed_every_call_is_another():
    images, branch = pictures(), main_branch(seed=5)
    first, second = branch(images).numpy(), branch(images).numpy()
    assert np.abs(first - second).mean() > 5
    np.testing.assert_array_equal(MainBranch.from_config(branch.get_config())(images), first)


def test_labels_pass_through_and_inference_changes_nothing():
    batch = {"images": pictures(8), "labels": np.arange(8)}
    out = main_branch()(batch, seed=[1, 2])
    np.testing.assert_array_equal(out["labels"], batch["labels"])
    np.testing.assert_array_equal(main_branch()(batch, training=False)["images"], batch["images"])


def test_views_of_another_size():
    branch = main_branch(size=(9, 21), seed=1)
    assert apply(branch, pictures(4)).shape == (4, 9, 21, 3)
    assert branch(pictures(4), training=False).shape == (4, 9, 21, 3)


@pytest.mark.parametrize(
    "build",
    [lambda: main_branch(blur_probability=0.1), lambda: auxiliary_branch("geometric", 1.5, size=(8, 8))],
    ids=["main", "aux"],
)
def test_config_round_trip(build):
    branch = build()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(branch))
    assert copy.get_config() == branch.get_config()
    np.testing.assert_array_equal(apply(copy, pictures(4)), apply(branch, pictures(4)))


@pytest.mark.parametrize(
    "build",
    [
        lambda: main_branch(crop_min_area=0.0),
        lambda: main_branch(color_strength=2.0),
        lambda: main_branch(size=(0, 3)),
        lambda: auxiliary_branch("nonsense"),
        lambda: auxiliary_branch(strength=3.0),
        lambda: Preset({"rotat": 30.0}),
        lambda: AugmentConfig(aux="nonsense"),
        lambda: build_views(AugmentConfig(aux="randaugment", augment_impl="keras_cv"), (8, 8, 1)),
    ],
)
def test_refusals(build):
    with pytest.raises(ConfigError):
        build()


@pytest.mark.parametrize(("aux", "channels"), [("default", 1), ("default", 3), ("cutout", 3), ("geometric", 3)])
def test_the_keras_cv_branches_draw_from_about_the_same_distribution(aux, channels):
    keras.utils.set_random_seed(0)  # what keras-cv draws from
    images = pictures(1500, (16, 16), channels)
    config = {"aux": aux, "blur_probability": 0.0}
    fused = build_views(AugmentConfig(**config), images.shape[1:], jit_compile=False)
    reference = build_views(AugmentConfig(**config, augment_impl="keras_cv"), images.shape[1:])
    rows = tf.range(len(images))
    views = fused.make(images, seed=0, step=0, row=rows).numpy()
    expected = reference.make(images, seed=0, step=0, row=rows).numpy()
    assert expected.shape == views.shape
    for view in (0, 2):
        # Brightness alone moves the mean of one view by 53 gray levels (standard deviation), so that of 1 500 by 1.4:
        # 8 is four standard deviations of a difference.
        assert views[:, view].mean() == pytest.approx(expected[:, view].mean(), abs=8.0)
        assert views[:, view].std() == pytest.approx(expected[:, view].std(), abs=8.0)


def test_keras_cvs_randaugment_makes_pictures():
    # Its list of operations is its own, so that there is no distribution to compare; tracing it takes a while.
    images = pictures(8)
    branch = build_views(AugmentConfig(aux="randaugment", augment_impl="keras_cv"), images.shape[1:]).auxiliary
    views = branch(images, seed=[1, 2]).numpy()
    assert views.shape == images.shape
    assert 0.0 <= views.min() <= views.max() <= 255.0
    assert np.abs(views - images).mean() > 10


def test_no_strength_turns_a_factor_around():
    uniforms = np.random.default_rng(0).uniform(size=(2000, auxiliary_branch("randaugment").num_uniforms))
    amounts = auxiliary_branch("randaugment", strength=2.0)._amounts(
        tf.constant(uniforms, tf.float32), tf.zeros([2000, 8, 8, 3])
    )
    for name in ("brightness", "contrast", "saturation", "sharpness"):
        assert -0.9 <= float(tf.reduce_min(amounts[name])) < -0.85
        assert float(tf.reduce_max(amounts[name])) > 1.5


@pytest.mark.parametrize("strength", [0, 1])
def test_color_strength_may_be_a_whole_number(strength):
    images = tf.random.stateless_uniform([2, 8, 8, 3], [1, 2]) * 255.0
    found, expected = (MainBranch(color_strength=each)(images, seed=(1, 2)) for each in (strength, float(strength)))
    np.testing.assert_array_equal(found, expected)
