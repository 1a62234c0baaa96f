"""All views of a batch are functions of seed, step and row, and share no random numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import PRESETS, Branch, LayersBranch, MainBranch, ViewMaker, build_views
from aag_tf.augment.contact_sheet import contact_sheet
from aag_tf.augment.randomness import uniforms
from aag_tf.config import AUXILIARIES, AugmentConfig
from aag_tf.utils.errors import ConfigError

PINNED = np.array([[0.4406234622001648, 0.4233168363571167], [0.6669697761535645, 0.05425459146499634]], np.float32)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)


def make(views, rows, step=5, seed=1):
    rows = np.asarray(rows)
    return views.make(tf.constant(IMAGES[rows]), seed=seed, step=step, row=tf.constant(rows, tf.int32)).numpy()


def test_settings_name_the_presets_there_are():
    assert {"main", "none", "own", *PRESETS} == set(AUXILIARIES)


@pytest.mark.parametrize(
    ("config", "count"),
    [({"aux": "none"}, 2), ({"aux": "main"}, 3), ({}, 3), ({"aux": "cutout", "aux_views": 4}, 6)],
)
def test_number_of_views(config, count):
    views = build_views(AugmentConfig(**config), IMAGES.shape[1:], jit_compile=False)
    assert views.num_views == count
    assert make(views, range(12)).shape == (12, count, 8, 8, 3)


@pytest.mark.parametrize(
    ("auxiliary", "aux_views", "count"), [(False, None, 2), (False, 0, 2), (True, None, 3), (True, 0, 2), (True, 2, 4)]
)
def test_an_auxiliary_branch_draws_one_view_unless_told_otherwise(auxiliary, aux_views, count):
    branch = MainBranch() if auxiliary else None
    assert ViewMaker(MainBranch(), branch, aux_views).num_views == count


def test_auxiliary_views_that_nothing_can_draw_are_refused():
    with pytest.raises(ConfigError, match="aux_views=3 needs a branch"):
        ViewMaker(MainBranch(), aux_views=3)
    with pytest.raises(ConfigError, match="aux_views=-1 is out of range"):
        ViewMaker(MainBranch(), MainBranch(), aux_views=-1)


def test_a_view_does_not_depend_on_the_part_of_the_batch_that_a_replica_has():
    views = build_views(AugmentConfig(), IMAGES.shape[1:], jit_compile=False)
    whole = make(views, range(12))
    np.testing.assert_allclose(make(views, range(6, 12)), whole[6:], atol=1e-3)
    np.testing.assert_allclose(make(views, [7]), whole[7:8], atol=1e-3)


def test_seed_step_row_and_view_each_change_the_numbers():
    class Numbers(Branch):
        """Returns the random numbers themselves instead of views."""

        num_uniforms = 13

        def transform(self, images, uniforms):
            return uniforms[:, None, None]

    views = ViewMaker(Numbers(), Numbers())

    def numbers(view=0, seed=1, step=5, row=3):
        return tuple(views.make(IMAGES[:1], seed=seed, step=step, row=tf.constant([row])).numpy()[0, view, 0, 0])

    variants = [numbers(), numbers(view=1), numbers(view=2), numbers(seed=2), numbers(step=6), numbers(row=4)]
    values = [value for variant in variants for value in variant]
    assert len(set(values)) == len(values)  # no number is shared, not even at another place


def test_numbers_are_uniform_and_independent():
    drawn = uniforms((1, 2), 3, tf.range(4000), 16).numpy()
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=4 / np.sqrt(12 * 4000))
    np.testing.assert_allclose(np.histogram(drawn, 10, (0, 1))[0] / drawn.size, 0.1, atol=0.005)
    correlation = np.corrcoef(np.concatenate([drawn[1:], drawn[:-1]], axis=1).T)
    assert np.abs(correlation - np.eye(32)).max() < 0.08  # 5 standard deviations of 1 / sqrt(4000)


def test_numbers_are_pinned():
    # Runs must resume and repeat with later versions.
    found = uniforms((1, 2), 3, tf.constant([0, 4]), 2).numpy()
    np.testing.assert_array_equal(found, PINNED)


def test_a_batch_becomes_views_and_keeps_its_position():
    views = build_views(AugmentConfig(), IMAGES.shape[1:], jit_compile=False)
    batch = {"image": IMAGES, "step": np.full(12, 5), "row": np.arange(12)}
    out = views(batch, seed=1)
    assert set(out) == {"views", "step", "row"}
    np.testing.assert_allclose(out["views"], make(views, range(12)), atol=1e-3)


def test_config_round_trip():
    main, auxiliary = (MainBranch(crop_min_area=area, seed=1, jit_compile=False) for area in (0.2, 0.08))
    views = ViewMaker(main, auxiliary, aux_views=2)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(views))
    np.testing.assert_array_equal(make(copy, range(3)), make(views, range(3)))


def test_a_custom_branch_replaces_the_preset():
    custom = LayersBranch([keras.layers.Rescaling(0.0, offset=77.0)])
    views = make(
        build_views(AugmentConfig(aux_views=2), IMAGES.shape[1:], auxiliary=custom, jit_compile=False), range(3)
    )
    assert views.shape[1] == 4
    assert np.all(views[:, 2:] == 77.0)
    with pytest.raises(ConfigError, match="--aux=none"):
        build_views(AugmentConfig(aux="none"), IMAGES.shape[1:], auxiliary=custom, jit_compile=False)


def test_headings_stand_over_the_columns():
    images, views = np.full((1, 8, 8, 1), 50, np.uint8), np.full((1, 2, 8, 8, 1), 100.0, np.float32)
    plain = contact_sheet(images, views)
    titled = contact_sheet(images, views, ["a", "b b", "c"])
    strip = titled[: len(titled) - len(plain)]
    np.testing.assert_array_equal(titled[len(strip) :], plain)
    third = strip.shape[1] // 3
    dark = [(strip[:, column * third : (column + 1) * third] < 128).any() for column in range(3)]
    assert dark == [True, True, True]


def test_contact_sheet_shows_each_image_beside_its_views():
    images = np.full((2, 8, 8, 1), 50, np.uint8)
    views = np.stack([np.full((2, 8, 8, 1), level, np.float32) for level in (100, 300)], axis=1)
    sheet = contact_sheet(images, views)
    assert sheet.dtype == np.uint8
    rows, columns, channels = sheet.shape
    assert channels == 3
    middles = sheet[rows // 4, [columns // 6, columns // 2, 5 * columns // 6], 0]
    np.testing.assert_array_equal(middles, [50, 100, 255])
