"""Both fused branches in all uses: any size, channels and dtype, in graphs, `tf.data` and XLA."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.augment import PRESETS, AuxiliaryBranch, MainBranch
from aag_tf.augment.randomness import uniforms

BRANCHES = {
    "main": MainBranch,
    **{preset: lambda preset=preset, **kw: AuxiliaryBranch(preset, **kw) for preset in PRESETS},
}
SIZES = [((12, 20), None), ((12, 20), (20, 9)), ((12, 20), (5, 30)), ((2, 70), (70, 2)), ((1, 3), (3, 1))]
COUNT = 12


@functools.cache
def compiled(name):
    """A branch whose parts XLA compiles, once for the tests that draw from it in batches of one size."""
    return BRANCHES[name]()


def pictures(size, channels):
    coarse = np.random.default_rng(0).uniform(0, 255, (COUNT, 3, 3, channels)).astype("float32")
    return np.clip(tf.image.resize(coarse, size, method="bicubic").numpy(), 0, 255).round().astype(np.uint8)


def numbers(branch):
    return np.random.default_rng(1).uniform(size=(COUNT, branch.num_uniforms)).astype("float32")


def agree(one, other):
    """Asserts that pictures differ by rounding alone; a level between two table entries may fall on either side."""
    difference = np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32))
    assert np.median(difference) < 0.02
    assert difference.mean() < 1.0


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def eagerly():
    """Runs compiled functions operation by operation, because compiling each of many shapes takes a second."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "out"), SIZES)
@pytest.mark.parametrize("name", BRANCHES)
def test_any_rectangle_to_any_rectangle_of_one_or_three_channels(name, size, out, channels):
    branch = BRANCHES[name](size=out)
    images = pictures(size, channels)
    views = branch.transform(images, numbers(branch))
    assert views.shape == (COUNT, *(out or size), channels) == branch.compute_output_shape(images.shape)
    assert views.dtype == tf.float32
    assert np.isfinite(views).all()
    assert 0.0 <= np.min(views) <= np.max(views) <= 255.0


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_uint8_and_other_images_give_the_same_views(name, dtype):
    branch = BRANCHES[name]()
    images = pictures((12, 20), 3)
    expected = branch.transform(images, numbers(branch))
    np.testing.assert_array_equal(branch.transform(images.astype(dtype), numbers(branch)), expected)


# The operations of colors are in all of them; those of one more part are compiled for one channel.
@pytest.mark.parametrize(("name", "channels"), [*((name, 1) for name in BRANCHES), ("main", 3), ("randaugment", 3)])
def test_xla_gives_the_same_views(name, channels):
    branch = BRANCHES[name](size=(18, 16), blur_probability=0.5)
    images = tf.constant(pictures((12, 20), channels))
    uniforms = tf.constant(numbers(branch))
    found = [tf.function(branch.transform, jit_compile=True)(images, uniforms)]
    if channels == 1:  # with three channels the parts are compiled below, in `tf.data`
        found.append(branch.transform(images, uniforms))
    expected = BRANCHES[name](size=(18, 16), blur_probability=0.5, jit_compile=False).transform(images, uniforms)
    for views in found:
        agree(views, expected)


@pytest.mark.parametrize("name", ["main", "randaugment"])
def test_without_xla_nothing_is_compiled_and_views_are_the_same(name):
    images = tf.constant(pictures((12, 20), 3))
    views = {}
    for jit_compile in (True, False):
        branch = BRANCHES[name](jit_compile=jit_compile)
        draw = tf.function(lambda images, branch=branch: branch(images, seed=[1, 2])).get_concrete_function(images)
        assert ("_XlaMustCompile" in str(draw.graph.as_graph_def())) == jit_compile
        views[jit_compile] = draw(images)
    agree(views[True], views[False])


@pytest.mark.parametrize("name", ["main", "randaugment"])  # without and with a part that XLA does not have
def test_drawing_is_the_transform_of_the_numbers_of_seed_step_and_row(name):
    branch = compiled(name)
    images, row = pictures((12, 20), 3), tf.range(100, 100 + COUNT)
    expected = BRANCHES[name](jit_compile=False).transform(images, uniforms((1, 2), 7, row, branch.num_uniforms))
    pipeline = tf.data.Dataset.from_tensor_slices((images, row)).batch(5)  # the last holds two
    views = list(pipeline.map(lambda part, row: branch.draw(part, seed=(1, 2), step=7, row=row)))
    agree(np.concatenate(views), expected)


@pytest.mark.parametrize("name", BRANCHES)
def test_mixed_precision_loses_no_picture(name, mixed_precision):
    branch = BRANCHES[name](jit_compile=False)
    assert branch.compute_dtype == "float32"
    images = pictures((12, 20), 3)
    views = branch(images, seed=[1, 2])
    assert views.dtype == tf.float32
    keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(views, BRANCHES[name](jit_compile=False)(images, seed=[1, 2]))


@pytest.mark.parametrize("name", BRANCHES)
def test_tf_data_gives_the_same_views_whatever_the_batch_and_the_number_of_calls(name):
    branch = compiled(name)
    images = pictures((12, 20), 3)
    expected = BRANCHES[name](jit_compile=False).transform(images, numbers(branch))
    rows = tf.data.Dataset.from_tensor_slices((images, numbers(branch)))
    # Batches of five: the last holds two, so that the size of the batch is not known to the graph.
    views = list(rows.batch(5).map(branch.transform, num_parallel_calls=4))
    assert [len(part) for part in views] == [5, 5, 2]
    agree(np.concatenate(views), expected)
