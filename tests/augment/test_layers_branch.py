"""A branch made of a user's layers: seeded if the layers can be, always pictures, and usable in a view maker."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import LayersBranch, MainBranch, ViewMaker, strip_ignored_keys
from aag_tf.utils.errors import ConfigError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 10, 10, 3), np.uint8)


def custom_layers(*more):
    # Generators in layers of a layer of a layer.
    nested = keras.layers.Pipeline([keras.layers.RandomErasing(value_range=(0, 255)), *more])
    return [keras.layers.RandomRotation(0.2), keras.layers.Pipeline([nested])]


def rows(branch, count=6):
    return np.random.default_rng(1).uniform(size=(count, branch.num_uniforms)).astype("float32")


def test_layers_are_applied_in_order_and_stay_a_picture():
    branch = LayersBranch([keras.layers.Rescaling(2.0), keras.layers.Rescaling(1.0, offset=-100.0)])
    np.testing.assert_array_equal(branch(IMAGES), np.clip(2.0 * IMAGES.astype("float32") - 100.0, 0, 255))


def test_views_of_another_size_are_brought_to_size():
    branch = LayersBranch([keras.layers.CenterCrop(6, 4)])
    assert branch(IMAGES).shape == branch.compute_output_shape(IMAGES.shape) == IMAGES.shape
    branch = LayersBranch([keras.layers.CenterCrop(6, 4)], size=(6, 4))
    np.testing.assert_array_equal(branch(IMAGES), IMAGES[:, 2:8, 3:7])


def test_a_seed_repeats_another_does_not_and_graphs_agree():
    branch = LayersBranch(custom_layers(keras.layers.RandAugment((0, 255))))  # which holds many layers
    first = branch(IMAGES, seed=[1, 2]).numpy()
    np.testing.assert_array_equal(branch(IMAGES, seed=[1, 2]), first)
    assert np.abs(branch(IMAGES, seed=[1, 3]) - first).mean() > 5
    traced = tf.function(lambda seed: branch(IMAGES, seed=seed))
    np.testing.assert_allclose(traced(tf.constant([1, 2])), first, atol=0.01)
    assert np.abs(traced(tf.constant([1, 3])) - first).mean() > 5  # the seed is not frozen into the graph
    seeds = tf.data.Dataset.from_tensor_slices(tf.constant([[1, 2]] * 8))
    for views in seeds.map(lambda seed: branch(IMAGES, seed=seed), num_parallel_calls=4):
        np.testing.assert_allclose(views, first, atol=0.01)


def test_image_by_image_a_view_depends_on_its_own_row_alone():
    branch = LayersBranch(custom_layers(), per_image=True)
    together = branch.transform(IMAGES, rows(branch)).numpy()
    np.testing.assert_allclose(branch.transform(IMAGES[4:5], rows(branch)[4:5])[0], together[4], atol=1e-4)
    same = branch.transform(np.stack([IMAGES[0]] * 6), rows(branch)).numpy()
    assert min(np.abs(same[i] - same[j]).mean() for i in range(6) for j in range(i)) > 1  # each drew for itself


def test_two_views_share_no_randomness_and_resume_exactly():
    views = ViewMaker(MainBranch(jit_compile=False), LayersBranch(custom_layers(), per_image=True), aux_views=2)
    made = views.make(IMAGES, seed=3, step=5, row=tf.range(6)).numpy()
    assert made.shape == (6, 4, 10, 10, 3)
    assert np.abs(made[:, 2] - made[:, 3]).mean() > 5
    np.testing.assert_array_equal(views.make(IMAGES, seed=3, step=5, row=tf.range(6)), made)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(views))
    np.testing.assert_allclose(copy.make(IMAGES[3:], seed=3, step=5, row=tf.range(3, 6)), made[3:], atol=1e-3)


def test_keras_cv_layers_serve_too():
    keras_cv = pytest.importorskip("keras_cv")
    branch = LayersBranch([keras_cv.layers.GridMask(), keras_cv.layers.RandomHue(0.3, (0, 255))])
    views = branch({"images": IMAGES, "labels": np.arange(6)}, seed=[1, 2])
    assert views["images"].shape == IMAGES.shape
    assert np.abs(views["images"] - IMAGES).mean() > 5
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(branch))
    assert [type(layer) for layer in copy.layers] == [type(layer) for layer in branch.layers]


def test_what_is_no_list_of_layers_is_refused():
    for layers in (keras.layers.RandomRotation(0.1), [lambda images: images], ["RandomRotation"]):
        with pytest.raises(ConfigError, match="list of Keras layers"):
            LayersBranch(layers)


def test_its_description_is_that_of_what_it_does():
    def branch(factor=0.1):
        return LayersBranch([keras.Sequential([keras.layers.RandomRotation(factor, seed=1)])], seed=2)

    first, used = branch(), branch()  # Keras numbers the layers of a process
    used(np.zeros((2, 8, 8, 1), np.float32))
    assert first.describe() == used.describe() == branch().describe()
    assert branch(0.2).describe() != first.describe()


def test_seeds_are_no_part_of_its_description_since_a_run_gives_its_own():
    def branch(**seed):
        return LayersBranch([keras.layers.RandomCrop(6, 6, **seed)], size=(6, 6), **seed)

    drawn, again, given = branch(), branch(), branch(seed=3)  # Keras draws a seed where there is none
    assert drawn.describe() == again.describe() == given.describe()
    np.testing.assert_array_equal(drawn(IMAGES, seed=[1, 2]), given(IMAGES, seed=[1, 2]))
    with_seeds = json.loads(json.dumps(keras.saving.serialize_keras_object(given)))  # as runs once kept it
    assert strip_ignored_keys(with_seeds) == drawn.describe()


def test_a_config_repeats_a_layer_that_drew_its_own_seed():
    drawn = MainBranch(jit_compile=False)
    again = MainBranch.from_config(drawn.get_config())
    np.testing.assert_array_equal(drawn(IMAGES), again(IMAGES))
