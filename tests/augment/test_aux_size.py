"""Auxiliary views of a size of their own: the same random numbers, drawn and cut at that size."""

import keras
import numpy as np
import pytest
from PIL import Image

from aag_tf.augment import LayersBranch, MainBranch, ViewMaker, build_views
from aag_tf.augment.contact_sheet import in_cells
from aag_tf.config import AugmentConfig, DataConfig
from aag_tf.data import open_source, training_batches
from aag_tf.data.pipeline import cut
from aag_tf.utils import seeds
from aag_tf.utils.errors import ConfigError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
WHERE = {"seed": 1, "step": 5, "row": np.arange(6)}


def maker(shape=IMAGES.shape[1:], **settings):
    return build_views(AugmentConfig(**settings), shape, jit_compile=False)


@pytest.mark.parametrize("aux", ["default", "geometric", "main"])
def test_small_views_are_those_of_the_branch_at_their_size_and_main_views_what_they_were(aux):
    plain = maker(aux=aux, aux_views=3)
    before = plain.make(IMAGES, **WHERE)
    main, small = maker(aux=aux, aux_views=3, aux_size=8).make(IMAGES, **WHERE)
    assert small.shape == (6, 3, 8, 8, 3)
    np.testing.assert_array_equal(main, before[:, :2])
    branch = type(plain.auxiliary).from_config(plain.auxiliary.get_config() | {"size": (8, 8)})
    for view in range(3):
        numbers = seeds.fold(1, "view", 2 + view)
        expected = branch.draw(IMAGES, seed=numbers, step=5, row=np.arange(6))
        np.testing.assert_array_equal(small[:, view], expected)


def test_a_small_view_shows_what_the_view_of_full_size_does():
    # Without color and mirrored borders, the mean of a smooth crop hardly depends on its number of pixels.
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None, None] * 10, IMAGES.shape).copy()
    settings = {"aux": "main", "color_strength": 0.0, "grayscale_probability": 0.0}
    full = maker(**settings).make(ramp, **WHERE)[:, 2]
    _, small = maker(aux_size=8, **settings).make(ramp, **WHERE)
    np.testing.assert_allclose(np.mean(small[:, 0], (1, 2, 3)), np.mean(full, (1, 2, 3)), atol=2)


def test_the_size_of_the_images_gives_one_tensor():
    one = maker(aux_size=16).make(IMAGES, **WHERE)
    np.testing.assert_array_equal(one, maker().make(IMAGES, **WHERE))


@pytest.mark.parametrize(("shape", "side", "size"), [((24, 32, 3), 12, (12, 16)), ((20, 15, 1), 10, (13, 10))])
def test_views_of_images_that_are_not_square_keep_their_aspect(shape, side, size):
    views = maker(shape, aux_size=side)
    assert views.sizes(shape) == (shape[:2], shape[:2], size)
    assert views.make(np.zeros((6, *shape), np.uint8), **WHERE)[1].shape == (6, 1, *size, shape[2])


def test_a_branch_of_layers_has_its_own_size():
    views = ViewMaker(
        MainBranch(jit_compile=False),
        LayersBranch([keras.layers.Rescaling(0.0, offset=77.0)], size=(8, 10)),
        aux_views=2,
    )
    small = views.make(IMAGES, **WHERE)[1]
    assert small.shape == (6, 2, 8, 10, 3)
    assert np.all(small == 77.0)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: maker(aux_size=17), r"--aux_size=17 is larger than the images, whose shorter side has 16 pixels"),
        (lambda: AugmentConfig(aux_size=7), r"--aux_size=7 is out of range; it must be 8 to 1024"),
        (
            lambda: build_views(AugmentConfig(aux_size=8), (16, 16, 3), auxiliary=LayersBranch([])),
            r"--aux_size=8 is the size of a preset's views, .* give the branch size=\(8, 8\)",
        ),
    ],
)
def test_sizes_that_are_refused(build, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build()


def test_without_auxiliary_views_their_number_and_size_mean_nothing():
    # So that a recipe with small views can be run without them, and a run with them gives its main branch.
    config = AugmentConfig(aux="none", aux_views=4, aux_size=8)
    assert config.num_views == 2
    views = build_views(config, (16, 16, 3), jit_compile=False)
    assert views.sizes((16, 16, 3)) == ((16, 16), (16, 16))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((80 + number, 60), Image.Resampling.BICUBIC)
        picture.save(root / f"{number}.{'png' if number % 2 else 'jpg'}")
    source = open_source(DataConfig(f"folder:{root}", image_size=32, validation_fraction=0.0), "source")
    return source.train.images


def test_crops_are_cut_at_the_size_of_each_view(pictures):
    small, full = (maker(pictures.shape, aux_views=2, **size) for size in ({"aux_size": 16}, {}))
    main, auxiliary = (np.asarray(group, np.float32) for group in cut(pictures, [1, 3], small.cutting(0)))
    whole = cut(pictures, [1, 3], full.cutting(0))  # PNG files, since JPEG decodes as much as the largest view needs
    assert (main.shape, auxiliary.shape) == ((2, 2, 32, 32, 3), (2, 2, 16, 16, 3))
    np.testing.assert_array_equal(main, whole[:, :2])
    shrunk = np.asarray(whole[:, 2:], np.float32).reshape(2, 2, 16, 2, 16, 2, 3).mean((3, 5))
    assert np.abs(shrunk - auxiliary).mean() < 4  # the same windows; others differ by 50
    assert np.abs(shrunk - auxiliary[:, ::-1]).mean() > 30


def test_batches_of_crops_have_both_sizes_and_become_views(pictures):
    views = maker(pictures.shape, aux_views=2, aux_size=16)
    batches = training_batches(
        pictures, global_batch_size=4, seed=1, start_step=3, num_steps=1, cutting=views.cutting(1)
    )
    assert [spec.shape for spec in batches.element_spec["crops"]] == [(4, 2, 32, 32, 3), (4, 2, 16, 16, 3)]
    (batch,) = batches
    made = views(batch, seed=1)["views"]
    numbers = views.crop_numbers(seed=1, step=3, row=batch["row"])
    for view, number in enumerate(numbers):
        expected = views.branch_of(view).transform_crop(batch["crops"][view // 2][:, view % 2], number)
        np.testing.assert_array_equal(made[view // 2][:, view % 2], expected)


def test_sheets_show_small_views_amid_the_background():
    main, small = np.full((3, 2, 16, 16, 1), 7.0, np.float32), np.full((3, 4, 8, 9, 1), 9.0, np.float32)
    np.testing.assert_array_equal(in_cells(main), main)
    cells = in_cells((main, small)).numpy()
    assert cells.shape == (3, 6, 16, 16, 1)
    np.testing.assert_array_equal(cells[:, :2], main)
    np.testing.assert_array_equal(cells[:, 2:, 4:12, 3:12], small)
    assert (cells[:, 2:] == 255).sum() == 3 * 4 * (16 * 16 - 8 * 9)
