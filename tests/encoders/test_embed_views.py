"""Views for embeddings: cut by hand and by Pillow, averaged in NumPy, and mirrored only where that is asked for."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.config import EncoderConfig
from aag_tf.encoders import average_views, build_encoder, dtype_policy, embedding_views
from aag_tf.utils.errors import ConfigError

SHAPE = (40, 24, 4)  # its corners have 35 x 21 pixels
IMAGES = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)


def enlarged(corner):
    """A part of an image [h, w, c] in the size of the whole, by Pillow's floating-point bilinear scaling."""
    height, width, _ = SHAPE
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(corner, -1, 0)]
    return np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes], axis=-1)


def cut_by_hand(image):
    corners = (image[:35, :21], image[:35, 3:], image[5:, :21], image[5:, 3:])
    return [image.astype(np.float32), *map(enlarged, corners)]


def expected_views(count):
    """float32 [count, n, *SHAPE]."""
    views = [cut_by_hand(image) if count in (5, 10) else [image.astype(np.float32)] for image in IMAGES]
    views = np.stack(views, axis=1)
    return views if count in (1, 5) else np.concatenate([views, views[:, :, :, ::-1]])


@pytest.fixture(scope="module")
def encoder():
    return build_encoder(EncoderConfig("tiny", width=0.25), SHAPE)


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_views_are_the_image_its_corners_and_their_mirror_images(count):
    views = embedding_views(tf.constant(IMAGES), count)
    assert views.dtype == tf.float32
    np.testing.assert_allclose(views, expected_views(count).reshape(-1, *SHAPE), atol=1e-3)


def test_five_views_are_not_mirrored():
    images = np.zeros((1, 16, 16, 1), np.uint8)
    images[:, :, 8:] = 200  # every part of it, and what is enlarged of it, is brighter on the right
    views = embedding_views(tf.constant(images), 5).numpy()
    assert (views[:, :, -1] > views[:, :, 0]).all()
    mirrored = embedding_views(tf.constant(images), 10).numpy()
    assert (mirrored[5:, :, -1] < mirrored[5:, :, 0]).all()


def test_corners_of_the_smallest_images_are_the_images():
    images = tf.constant(IMAGES[:, :1, :2])
    np.testing.assert_array_equal(embedding_views(images, 5), np.tile(images.numpy(), (5, 1, 1, 1)))


@pytest.mark.parametrize("count", [2, 5, 10])
def test_gives_the_mean_of_the_embeddings_of_the_views(encoder, count):
    embeddings = [encoder(view, training=False).numpy() for view in expected_views(count)]
    assert np.std(embeddings, axis=0).max() > 1e-3
    got = average_views(encoder, count)(tf.constant(IMAGES))
    np.testing.assert_allclose(got, np.mean(embeddings, axis=0, dtype=np.float64), atol=1e-5)
    in_a_graph = tf.function(average_views(encoder, count), input_signature=[tf.TensorSpec([None, *SHAPE], tf.uint8)])
    np.testing.assert_allclose(in_a_graph(tf.constant(IMAGES)), got, atol=1e-5)


def test_one_view_is_the_encoder_bit_for_bit(encoder):
    got = average_views(encoder, 1)(tf.constant(IMAGES)).numpy()
    assert got.tobytes() == encoder(IMAGES, training=False).numpy().tobytes()
    seen = average_views(lambda images: images, 1)(tf.constant(IMAGES))
    assert seen.dtype == tf.uint8


def test_embeddings_in_bfloat16_are_averaged_in_float32():
    with dtype_policy("mixed_bfloat16"):
        half = build_encoder(EncoderConfig("tiny", width=0.25), SHAPE)
    embeddings = [half(view, training=False).numpy() for view in expected_views(5)]
    got = average_views(half, 5)(tf.constant(IMAGES))
    np.testing.assert_allclose(got, np.mean(embeddings, axis=0), atol=0.02 * np.abs(embeddings).max())
    # Of numbers with 8 bits: 1 + 1/128 for the first view, 1 for the others; the mean has more bits than bfloat16.
    steps = tf.constant([[1 + 1 / 128], [1], [1], [1], [1]], tf.bfloat16)
    mean = average_views(lambda _: steps, 5)(tf.constant(IMAGES[:1]))
    assert mean.dtype == tf.float32
    assert mean.numpy() == pytest.approx(1 + 1 / 640, abs=1e-7)


@pytest.mark.parametrize("count", [0, 3, 20])
def test_refuses_other_numbers_of_views(encoder, count):
    with pytest.raises(ConfigError, match=f"^count={count} is no set of views; it must be 1, 2, 5 or 10.$"):
        average_views(encoder, count)
