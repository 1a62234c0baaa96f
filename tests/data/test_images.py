import numpy as np
import pytest
import tensorflow as tf

from aag_tf.data import ArrayImages, FileImages, JoinedImages, SelectedImages, TransformedImages, evaluation_batches
from aag_tf.data.files.pictures import decode
from aag_tf.evaluation import embed
from aag_tf.utils.errors import DataError

ARRAY = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3), dtype=np.uint8)


def make_array_images(save_noise):
    return ArrayImages(ARRAY), ARRAY


def make_selected_images(save_noise):
    rows = [7, 1, 1, 8]
    return SelectedImages(ArrayImages(ARRAY), rows), ARRAY[rows]


def make_file_images(save_noise):
    paths = [str(save_noise(f"{number}.png", seed=number)) for number in range(6)]
    return FileImages(paths, (12, 12, 3), decode), np.stack([decode(path, (12, 12, 3)) for path in paths])


def make_joined_images(save_noise):
    parts = [ArrayImages(ARRAY[:2]), ArrayImages(ARRAY[2:3]), SelectedImages(ArrayImages(ARRAY), [5, 4, 8])]
    return JoinedImages(parts), ARRAY[[0, 1, 2, 5, 4, 8]]


def make_transformed_images(save_noise):
    return TransformedImages(ArrayImages(ARRAY), lambda pictures, _: 255 - pictures[..., :1], (5, 4, 1)), 255 - ARRAY[
        ..., :1
    ]


KINDS = [make_array_images, make_selected_images, make_file_images, make_joined_images, make_transformed_images]


@pytest.mark.parametrize("make", KINDS)
class TestImages:
    def test_has_length_and_shape(self, make, save_noise):
        images, expected = make(save_noise)
        assert len(images) == len(expected)
        assert images.shape == expected.shape[1:]

    def test_numpy_gives_the_numbered_images(self, make, save_noise):
        images, expected = make(save_noise)
        np.testing.assert_array_equal(images.numpy([3, 0, 3]), expected[[3, 0, 3]])
        np.testing.assert_array_equal(images.numpy(range(2)), expected[:2])
        assert images.numpy([]).shape == (0, *expected.shape[1:])

    def test_fetch_works_eagerly_and_in_a_map(self, make, save_noise):
        images, expected = make(save_noise)
        np.testing.assert_array_equal(images.fetch(tf.constant([2, 1], tf.int64)).numpy(), expected[[2, 1]])
        fetched = tf.data.Dataset.from_tensors(tf.constant([1, 3], tf.int64)).map(images.fetch)
        assert fetched.element_spec == tf.TensorSpec((2, *expected.shape[1:]), tf.uint8)
        np.testing.assert_array_equal(next(fetched.as_numpy_iterator()), expected[[1, 3]])

    def test_number_out_of_range_is_refused(self, make, save_noise):
        images, expected = make(save_noise)
        with pytest.raises((IndexError, tf.errors.InvalidArgumentError)):
            images.numpy([len(expected)])


def test_array_is_not_written_into_the_graph():
    images = ArrayImages(np.zeros((4_000, 32, 32, 3), np.uint8))  # 12 MB
    trace = tf.function(images.fetch, input_signature=[tf.TensorSpec([None], tf.int64)]).get_concrete_function()
    assert trace.graph.as_graph_def().ByteSize() < 10_000


def test_file_that_vanishes_is_named(save_noise):
    path = save_noise("a.png")
    images = FileImages([str(path)], (12, 12, 3), decode)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.png can no longer be read"):
        images.numpy([0])
    with pytest.raises(DataError, match=r"a\.png can no longer be read \(.*\); put it back and start again") as told:
        embed(lambda batch: tf.reduce_mean(tf.cast(batch, tf.float32), [1, 2]), images)
    assert "\n" not in str(told.value)


def test_a_selection_of_a_selection_looks_up_once_and_gives_the_same_images():
    images, expected = SelectedImages(ArrayImages(ARRAY), [7, 1, 8, 0, 3]), ARRAY[[7, 1, 8, 0, 3]]
    for rows in ([4, 2, 2, 0], [1, 3, 2], [2, 0]):
        images, expected = SelectedImages(images, rows), expected[rows]
        np.testing.assert_array_equal(images.numpy(range(len(rows))), expected)
        np.testing.assert_array_equal(images.fetch(tf.range(len(rows), dtype=tf.int64)), expected)
        assert type(images._images) is ArrayImages
    with pytest.raises(IndexError):
        SelectedImages(images, [2])


def test_images_of_two_shapes_cannot_be_joined():
    with pytest.raises(DataError, match="cannot be joined"):
        JoinedImages([ArrayImages(ARRAY), ArrayImages(np.zeros((2, 5, 5, 3), np.uint8))])


def test_transformed_images_know_their_numbers_in_every_batch():
    array = np.random.default_rng(0).integers(0, 100, (9, 4, 4, 3), np.uint8)
    changed = TransformedImages(
        ArrayImages(array),
        lambda pictures, numbers: pictures[..., :1] + tf.cast(numbers, tf.uint8)[:, None, None, None],
        (4, 4, 1),
    )
    expected = array[..., :1] + np.arange(9, dtype=np.uint8)[:, None, None, None]
    assert len(changed) == 9
    assert changed.shape == (4, 4, 1)
    np.testing.assert_array_equal(changed.numpy([7, 2]), expected[[7, 2]])
    np.testing.assert_array_equal(np.concatenate(list(evaluation_batches(changed, 4))), expected)
