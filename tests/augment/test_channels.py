"""The branches on images of any number of channels and any shape: gray and RGB as ever, others channel by channel."""

import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import PRESETS, AuxiliaryBranch, MainBranch, build_views
from aag_tf.augment.photometric import stretch
from aag_tf.config import AugmentConfig
from aag_tf.utils.errors import ConfigError

COUNT = 32
STILL = {"crop_min_area": 1.0, "color_strength": 0.0, "grayscale_probability": 0.0, "flip": False}
# Mean and standard deviation of 32 views, of gray and of RGB images, as version 0.1.0 drew them.
BEFORE = {
    ("main", 1): (124.9090, 71.3791),
    ("main", 3): (123.0660, 66.1809),
    ("default", 1): (123.9297, 66.9193),
    ("default", 3): (115.6255, 62.1289),
    ("cutout", 1): (130.7492, 69.1041),
    ("cutout", 3): (128.8859, 68.5419),
    ("geometric", 1): (131.1458, 69.9037),
    ("geometric", 3): (127.1074, 68.1812),
    ("randaugment", 1): (104.1760, 78.2998),
    ("randaugment", 3): (107.9148, 70.0783),
}


def branch_of(name, **changes):
    changes = {"jit_compile": False, **changes}
    return MainBranch(**changes) if name == "main" else AuxiliaryBranch(name, 1.3, **changes)


def pictures(channels, size=(20, 14), count=COUNT):
    coarse = np.random.default_rng(0).uniform(0, 255, (count, 4, 4, channels)).astype("float32")
    return np.clip(tf.image.resize(coarse, size, method="bicubic").numpy(), 0, 255).round().astype(np.uint8)


def numbers(branch, count=COUNT):
    return np.random.default_rng(1).uniform(size=(count, branch.num_uniforms)).astype("float32")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["main", *PRESETS])
def test_gray_and_color_views_are_those_of_before_there_were_other_channels(name, channels):
    branch = branch_of(name)
    views = branch.transform(pictures(channels), numbers(branch)).numpy()
    assert (views.mean(), views.std()) == pytest.approx(BEFORE[name, channels], abs=0.01)


@pytest.mark.parametrize(("name", "channels"), [("main", 2), ("default", 13), ("geometric", 5), ("randaugment", 4)])
def test_views_of_any_number_of_channels_have_them_all(name, channels):
    branch = branch_of(name)
    images = pictures(channels)
    views = branch.transform(images, numbers(branch)).numpy()
    assert views.shape == images.shape == branch.compute_output_shape(images.shape)
    assert views.min() >= 0.0
    assert views.max() <= 255.0
    # Each is a picture of its own channel: alike, and no channel is like another.
    assert np.abs(np.diff(views, axis=-1)).mean((0, 1, 2)).min() > 10


@pytest.mark.parametrize("name", ["main", "default", "geometric"])
def test_each_channel_is_augmented_as_a_gray_image_is(name):
    branch = branch_of(name)
    images, uniforms = pictures(4), numbers(branch_of(name))
    views = branch.transform(images, uniforms).numpy()
    for channel in range(4):
        alone = branch.transform(images[..., channel : channel + 1], uniforms).numpy()
        np.testing.assert_allclose(views[..., channel : channel + 1], alone, atol=1e-2)


@pytest.mark.parametrize("operation", [name for name in PRESETS["randaugment"].operations if name != "saturation"])
def test_each_operation_of_randaugment_does_to_a_channel_what_it_does_to_a_gray_image(operation):
    branch = branch_of("randaugment", **STILL)
    operations = list(PRESETS["randaugment"].operations)
    uniforms = numbers(branch)
    first = MainBranch().num_uniforms
    uniforms[:, first : first + len(operations)] = 0.5
    uniforms[:, first + operations.index(operation)] = 0.1  # chosen, and one of the others, which does nothing:
    other = "translate_x" if operation != "translate_x" else "translate_y"
    uniforms[:, first + operations.index(other)] = 0.2
    uniforms[:, first + len(operations) + operations.index(other)] = 0.5
    images = pictures(5)
    views = branch.transform(images, uniforms).numpy()
    assert np.abs(views - images).mean() > 1
    for channel in (0, 4):
        alone = branch.transform(images[..., channel : channel + 1], uniforms).numpy()
        # A level between two entries of a table may fall on either side.
        assert np.abs(views[..., channel : channel + 1] - alone).mean() < 0.1


def test_saturation_is_chosen_for_color_alone_and_two_operations_for_every_view():
    branch = branch_of("randaugment")
    uniforms = tf.constant(numbers(branch, 2000))
    for channels, chosen in ((1, True), (3, True), (2, False), (6, False)):
        amounts = branch._amounts(uniforms, tf.zeros([2000, 4, 4, channels]))
        assert bool(tf.reduce_any(amounts["saturation"] != 0)) == chosen
        applied = sum(np.asarray(amount != 0, int) for amount in amounts.values())
        assert applied.max() == 2
        # "invert" is drawn for half of the views, and does nothing for the others.
        assert (applied == 2).mean() > 0.85


def test_color_jitter_moves_all_channels_alike_and_keeps_the_mean_of_each_under_contrast():
    branch = MainBranch(**{**STILL, "color_strength": 0.5}, jit_compile=False)
    uniforms = np.full((1, branch.num_uniforms), 0.5, "float32")
    uniforms[:, 5] = 0.0  # jitter is on
    levels = np.array([60.0, 90.0, 120.0, 150.0], "float32")
    images = levels + np.array([-20.0, 20.0], "float32")[None, None, :, None]
    uniforms[:, 6] = 0.6  # brightness: 255 * 0.5 * 0.8 * 0.2
    np.testing.assert_allclose(branch.transform(images, uniforms), images + 20.4, atol=1e-3)
    uniforms[:, 6:8] = 0.5, 0.75  # contrast: 1 + 0.5 * 0.8 * 0.5
    np.testing.assert_allclose(branch.transform(images, uniforms), levels + (images - levels) * 1.2, atol=1e-3)


def test_contrast_is_about_the_mean_of_a_color_image_and_of_each_channel_of_others():
    images = pictures(4, count=2).astype("float32")
    half = tf.constant([-0.5, -0.5])
    mean = images.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(stretch(tf.constant(images), half), mean + (images - mean) / 2, atol=1e-3)
    color = images[..., :3]
    mean = color.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(stretch(tf.constant(color), half), mean + (color - mean) / 2, atol=1e-3)


@pytest.mark.parametrize("name", ["main", "randaugment"])
def test_xla_and_tf_data_give_the_same_views_of_five_channels(name):
    branch, plain = branch_of(name, jit_compile=True), branch_of(name)
    images, uniforms = pictures(5, (12, 20)), numbers(plain)
    expected = plain.transform(images, uniforms).numpy()
    pipeline = tf.data.Dataset.from_tensor_slices((images, uniforms)).batch(20)
    views = np.concatenate(list(pipeline.map(branch.transform)))
    difference = np.abs(views - expected)
    assert np.median(difference) < 0.02
    assert difference.mean() < 1.0


@pytest.mark.parametrize("size", [(16, 64), (60, 20)])
def test_crops_of_wide_and_tall_images_show_the_area_and_the_aspect_that_were_drawn(size):
    # On ramps the range of levels in a view is the extent of its crop: rows in one channel, columns in the other.
    down, right = np.meshgrid(*(np.linspace(0, 255, side, dtype="float32") for side in size), indexing="ij")
    ramps = np.broadcast_to(np.stack([down, right], axis=-1), (1500, *size, 2))
    views = MainBranch(**{**STILL, "crop_min_area": 0.25}, jit_compile=False)(ramps, seed=[1, 2]).numpy()
    height, width = (views.max((1, 2)) - views.min((1, 2))).T / 255
    inside = (height < 0.999) & (width < 0.999)  # a side that would be longer than the image is cut
    assert (height * width).min() > 0.25 * 0.98
    assert np.log(width / height)[inside].mean() == pytest.approx(0.0, abs=0.02)
    assert (width / height).max() <= 4 / 3 * 1.02
    assert (height / width).max() <= 4 / 3 * 1.02


@pytest.mark.parametrize("size", [(16, 64), (60, 20)])
def test_cutout_is_a_square_of_the_shorter_side_whatever_the_shape(size):
    white = np.full((300, *size, 4), 255.0, "float32")
    views = AuxiliaryBranch("cutout", **STILL, jit_compile=False)(white, seed=[1, 2]).numpy()
    gray = np.isclose(views, 127.5)
    assert (gray == gray[..., :1]).all()  # in all channels
    rows, columns = gray[..., 0].any(2).sum(1), gray[..., 0].any(1).sum(1)
    assert max(rows.max(), columns.max()) == min(size) // 2
    border = gray[..., 0].copy()
    border[:, 1:-1, 1:-1] = False
    whole = ~border.any((1, 2))
    assert np.abs(rows - columns)[whole].max() <= 1


def test_a_rotation_of_a_wide_image_keeps_right_angles_in_pixels():
    branch = AuxiliaryBranch("geometric", **STILL, blur_probability=0.0, jit_compile=False)
    operations = list(PRESETS["geometric"].operations)
    uniforms = np.full((1, branch.num_uniforms), 0.5, "float32")
    first = MainBranch().num_uniforms
    uniforms[:, first : first + len(operations)] = 0.99
    uniforms[:, first + operations.index("rotate")] = 0.0
    uniforms[:, first + len(operations) + operations.index("rotate")] = 1.0
    y, x = np.mgrid[:24, :72].astype("float32")
    view = branch.transform(np.stack([y, x, y, x, y], axis=-1)[None], uniforms).numpy()[0, ..., :2]
    down, right = view[13, 36] - view[12, 36], view[12, 37] - view[12, 36]
    assert down @ right == pytest.approx(0.0, abs=1e-3)
    assert np.linalg.norm(down) == pytest.approx(1.0, abs=1e-3)
    assert np.degrees(np.arctan2(*right)) == pytest.approx(-30.0, abs=0.1)


@pytest.mark.parametrize("channels", [2, 4])
def test_keras_cv_refuses_other_channels_before_anything_is_built(channels):
    with pytest.raises(ConfigError) as refusal:
        build_views(AugmentConfig(augment_impl="keras_cv"), (8, 8, channels))
    assert str(refusal.value) == (
        f"the images have {channels} channels, and keras-cv's layers take gray or RGB images only; use "
        "--augment_impl=fused, or choose one or three with --channels."
    )
