"""Views cut from source pictures: the same distribution, and the same views, as from images in memory."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_images

from aag_tf.augment import AuxiliaryBranch, LayersBranch, MainBranch, ViewMaker
from aag_tf.data.images.cropping import crop_picture
from aag_tf.data.images.windows import Window, largest_centered

SIZE = (32, 32)
ROWS = np.arange(4)


def maker(preset="default", **options):
    return ViewMaker(MainBranch(size=SIZE, **options), AuxiliaryBranch(preset, size=SIZE, **options))


def crops_of(views, picture, step=3):
    numbers = views.crop_numbers(seed=0, step=step, row=ROWS)

    aspects = tf.fill([len(ROWS)], picture.shape[1] / picture.shape[0])
    windows = views.source_windows(numbers, aspects)
    crops = [
        crop_picture(picture, Window(*(side[row] for side in windows)), views.sizes(picture.shape))
        for row in range(len(ROWS))
    ]
    return tf.nest.map_structure(lambda *each: tf.stack(each), *crops)


@pytest.mark.parametrize("preset", ["default", "geometric", "randaugment"])
def test_both_ways_draw_the_same_views(preset):
    # At 128 pixels whole-pixel windows and the two filters differ little; rotation beyond the crop differs more.
    picture = tf.constant(load_sample_images().images[0][100:228, 250:378])
    views = maker(preset, blur_probability=0.0)
    from_source = views.make(crops_of(views, picture), seed=0, step=3, row=ROWS, cropped=True)
    from_memory = views.make(tf.stack([picture] * len(ROWS)), seed=0, step=3, row=ROWS)
    main = np.abs(from_source - from_memory).mean(axis=(2, 3, 4))[:, :2]
    assert main.max() < 12
    # Other random numbers give other views: the bound above means something.
    others = views.make(tf.stack([picture] * len(ROWS)), seed=0, step=4, row=ROWS)
    assert np.abs(from_source - others).mean(axis=(2, 3, 4))[:, :2].max() > 30


def test_the_windows_of_square_pictures_are_those_of_images_in_memory():
    views = maker()
    for branch in (views.main, views.auxiliary):
        uniforms = tf.random.stateless_uniform([1000, branch.num_uniforms], [1, 2])
        in_memory = branch._window(branch._draws(uniforms))
        for found, expected in zip(branch.source_window(uniforms, tf.ones([1000])), in_memory, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("aspect", [0.4, 4 / 3, 16 / 9, 10.0])
def test_windows_of_other_pictures(aspect):
    branch = MainBranch(crop_min_area=0.08)
    uniforms = tf.random.stateless_uniform([20_000, branch.num_uniforms], [1, 2])
    window = branch.source_window(uniforms, tf.fill([20_000], aspect))
    height, width = window.height.numpy(), window.width.numpy()
    area, shape = height * width, width / height * aspect
    assert area.min() >= 0.0799 * min(aspect, 1 / aspect)
    assert (height <= 1).all()
    assert (width <= 1).all()
    uncut = (height < 1) & (width < 1)
    assert shape[uncut].min() >= 0.75 - 1e-4
    assert shape[uncut].max() <= 4 / 3 + 1e-4
    # Every part of the picture can be seen, and all positions are equally likely.
    np.testing.assert_allclose((window.top + window.height / 2).numpy().mean(), 0.5, atol=0.01)
    np.testing.assert_allclose((window.left + window.width / 2).numpy().mean(), 0.5, atol=0.01)
    assert window.left.numpy().min() < 0.01
    assert (window.left + window.width).numpy().max() > 0.99


def test_a_whole_square_is_mirrored_only():
    branch = MainBranch(size=SIZE, color_strength=0.0, grayscale_probability=0.0)
    crops = np.random.default_rng(0).integers(0, 256, (64, *SIZE, 3), np.uint8)
    uniforms = tf.random.stateless_uniform([64, branch.num_uniforms], [1, 2])
    views = branch.transform_crop(crops, uniforms).numpy()
    mirrored = branch._draws(uniforms)["flip"].numpy() < 0.5
    assert 16 < mirrored.sum() < 48
    np.testing.assert_allclose(views[mirrored], crops[mirrored][:, :, ::-1], atol=1e-3)
    np.testing.assert_allclose(views[~mirrored], crops[~mirrored], atol=1e-3)


def test_a_branch_of_layers_gets_what_an_image_in_memory_would_be():
    branch = LayersBranch([])
    aspect = tf.constant([0.5, 2.0])
    for found, expected in zip(branch.source_window(tf.zeros([2, 2]), aspect), largest_centered(aspect), strict=True):
        np.testing.assert_array_equal(found, expected)
